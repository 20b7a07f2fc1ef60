"""What an ingest lets in: events of people who are left out are dropped before anything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from clickcli.store.catalog import Catalog
from clickcli.store.parse import Chunk
from clickcli.store.privacy.devices import spans_of
from clickcli.store.privacy.hash_rows import RowHasher
from clickcli.store.privacy.keys import Key, Kind, find_key, is_hashed
from clickcli.store.privacy.lists import Lists, read_lists
from clickcli.store.privacy.mentions import edited
from clickcli.store.privacy.scrubber import Scrub
from clickcli.store.privacy.tokens import candidates
from clickcli.store.rejects import RAW_BYTES
from clickcli.store.types import IngestOptions

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

_ROW: Final = "row"
_IDS: Final = ("user_id", "anonymous_id")
_KINDS: Final[tuple[tuple[Kind, str], ...]] = (("user", "user_id"), ("device", "anonymous_id"))


def open_gate(catalog: Catalog, options: IngestOptions) -> Gate | None:
    """Return the gate of a store, None where everybody is let in.

    Raises DataError when the store's key is needed and missing: the lists cannot be read without
    it, and people who are left out would come back.
    """
    lists = read_lists(catalog)
    scrub = Scrub.of(options.scrub) if options.scrub else None
    hashes = is_hashed(catalog)
    is_open = not lists.has_people and not options.require_consent
    if is_open and scrub is None and not hashes:
        return None
    key = find_key(catalog, options.key_file) if lists.has_people or hashes else None
    return Gate(catalog, lists, key, scrub, requires_consent=options.require_consent, hashes=hashes)


class Gate:
    """Drops rows, withholds rejected text, hashes ids and scrubs texts, as the store wants it."""

    def __init__(
        self,
        catalog: Catalog,
        lists: Lists,
        key: Key | None,
        scrub: Scrub | None,
        *,
        requires_consent: bool,
        hashes: bool,
    ) -> None:
        self._catalog = catalog
        self._lists = lists
        self._key = key
        self._scrub = scrub
        self._requires_consent = requires_consent
        self._hasher = RowHasher(key) if hashes and key is not None else None

    def let_in(self, chunk: Chunk) -> int:
        """Drop the rows of a chunk that are left out and return how many they are.

        The text of rejected lines that may name somebody who is left out is withheld.
        """
        chunk.rejects = [(number, why, self._kept(raw)) for number, why, raw in chunk.rejects]
        read = chunk.frame.height
        if self._hasher is not None:
            chunk.frame = edited(chunk.frame, self._hasher)
        self._drop(chunk)
        left = chunk.frame.height
        if self._scrub is not None:
            chunk.frame = edited(chunk.frame, self._scrub.edits())
            chunk.properties = self._scrub.names(chunk.properties)
        return read - left

    def _drop(self, chunk: Chunk) -> None:
        """Drop the rows that are left out, and what was counted of them."""
        import polars as pl

        frame = chunk.frame
        out = pl.Series(self._left_out(frame))
        if out.any():
            chunk.frame = frame.filter(~out)
            dropped = _property_names(frame.filter(out))
            chunk.properties.subtract({n: dropped[n] for n in chunk.properties if n in dropped})

    def _kept(self, raw: bytes) -> bytes:
        """Return what may be kept of a rejected line."""
        if self._may_name(raw):
            return b""
        if self._scrub is None:
            return raw
        return self._scrub.raw(raw[:RAW_BYTES].decode("utf-8", "replace")).encode()

    def _may_name(self, raw: bytes) -> bool:
        if self._requires_consent or self._hasher is not None:
            return True
        if self._key is None:
            return False
        left_out = self._lists.people | self._lists.spans.keys()
        kinds: tuple[Kind, ...] = ("user", "device")
        words = candidates(raw[:RAW_BYTES].decode("utf-8", "replace"))
        return any(self._key.digest(kind, word) in left_out for word in words for kind in kinds)

    def _left_out(self, frame: pl.DataFrame) -> NDArray[np.bool_]:
        """Return for each row whether it is left out."""
        import polars as pl

        lists = self._lists
        absent = [pl.lit(None, pl.String).alias(n) for n in _IDS if n not in frame.columns]
        people = frame.with_columns(absent).select(*_IDS, "ts").with_row_index(_ROW)
        digests = {kind: self._digests(kind, people[name]) for kind, name in _KINDS}
        users, devices = (_chosen(digests[kind], lists.people) for kind, _ in _KINDS)
        out = _is_in(people, "user_id", users) | _is_in(people, "anonymous_id", devices)
        nameless = people.filter(pl.col("user_id").is_null() & pl.col("anonymous_id").is_not_null())
        out[self._in_spans(nameless, digests["device"])] = True
        owners = self._owners(nameless)
        out[_rows(owners, lists.opted_out)] = True
        if self._requires_consent:
            users, devices = (_chosen(digests[kind], lists.consents) for kind, _ in _KINDS)
            is_nameless = people["user_id"].is_null().to_numpy()
            agreed = is_nameless & people["anonymous_id"].is_null().to_numpy()
            agreed |= _is_in(people, "user_id", users)
            agreed |= is_nameless & _is_in(people, "anonymous_id", devices)
            agreed[_rows(owners, lists.agreed)] = True
            out |= ~agreed
        return out

    def _digests(self, kind: Kind, texts: pl.Series) -> dict[str, bytes]:
        """Return the digest of each id; none where there is no list to look it up in."""
        if self._key is None:
            return {}
        digest = self._key.digest
        return {text: digest(kind, text) for text in texts.drop_nulls().unique().to_list()}

    def _in_spans(self, nameless: pl.DataFrame, digests: Mapping[str, bytes]) -> NDArray[np.uint32]:
        """Return the rows of devices that went with their user, as far as they were that user's."""
        spans = self._lists.spans
        rows = [
            (device, 0, *span)
            for device, digest in digests.items()
            for span in spans.get(digest, ())
        ]
        return _inside(nameless, rows)[_ROW].to_numpy()

    def _owners(self, nameless: pl.DataFrame) -> pl.DataFrame:
        """Return the key of the user whose a row is by a link, for those that have one."""
        spans: list[tuple[str, int, int, int]] = []
        if self._lists.opted_out or self._lists.agreed:
            devices = nameless["anonymous_id"].unique().to_list()
            found = spans_of(self._catalog, devices)
            spans = [(span.device, span.user_key, span.start, span.until) for span in found]
        return _inside(nameless, spans)


def _property_names(rows: pl.DataFrame) -> Counter[str]:
    import orjson

    texts = rows["properties"].drop_nulls().to_list()
    return Counter(name for text in texts for name in orjson.loads(text))


def _inside(nameless: pl.DataFrame, spans: list[tuple[str, int, int, int]]) -> pl.DataFrame:
    """Return row and key for each row that lies in a span (device, key, start, until)."""
    import polars as pl

    schema = {"anonymous_id": pl.String, "key": pl.Int64, "start": pl.Int64, "until": pl.Int64}
    table = pl.DataFrame(spans, schema=schema, orient="row")
    found = nameless.join(table, on="anonymous_id", how="inner")
    return found.filter(pl.col("ts").is_between("start", "until", closed="left")).select(
        _ROW, "key"
    )


def _chosen(digests: Mapping[str, bytes], among: frozenset[bytes]) -> list[str]:
    return [text for text, digest in digests.items() if digest in among]


def _is_in(people: pl.DataFrame, name: str, texts: list[str]) -> NDArray[np.bool_]:
    return people[name].is_in(texts).fill_null(value=False).to_numpy()


def _rows(owners: pl.DataFrame, keys: frozenset[int]) -> NDArray[np.uint32]:
    return owners.filter(owners["key"].is_in(list(keys)))[_ROW].to_numpy()
