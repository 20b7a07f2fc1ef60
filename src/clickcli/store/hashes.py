"""The hashes by which events are known again.

An id is 128 bits of SHA-256: nobody can make two that are alike, to have a line taken for
another. Among lines of one id, those that say the same are told by 64 bits of XXH3: no line is
stored or dropped by that.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import polars as pl

GIVEN: Final = b"g:"
"""Before an id that was given, LINE before a line and PART before its place in one."""
LINE: Final = b"l:"
PART: Final = b"p:"
_ID_BYTES: Final = 16


def line_digest(canonical: bytes) -> bytes:
    """Return the 24-byte hash of a line's canonical form: the id it gives, and its content."""
    return id_digest(LINE + canonical) + content_digest(canonical)


def id_digest(text: bytes) -> bytes:
    """Return the 16 bytes of an id."""
    return sha256(text).digest()[:_ID_BYTES]


def content_digest(canonical: bytes) -> bytes:
    """Return the 8 bytes of a content."""
    return content_word(canonical).to_bytes(8, "little")


def content_word(canonical: bytes) -> int:
    """Return a content as a number."""
    from xxhash import xxh3_64_intdigest

    return xxh3_64_intdigest(canonical)


def id_words(texts: pl.Series, prefix: bytes) -> tuple[pl.Series, pl.Series]:
    """Return the two words of the id of each text, after what is before all of them."""
    import numpy as np
    import polars as pl

    data = [sha256(prefix + text).digest() for text in texts.cast(pl.Binary).to_list()]
    words = np.frombuffer(b"".join(data), dtype="<u8").reshape(-1, 4)
    high, low = (np.ascontiguousarray(words[:, column]) for column in (0, 1))
    return pl.Series(high), pl.Series(low)


def content_words(texts: pl.Series) -> pl.Series:
    """Return the content of each canonical form as a number."""
    import polars as pl
    from xxhash import xxh3_64_intdigest

    numbers = list(map(xxh3_64_intdigest, texts.cast(pl.Binary).to_list()))
    return pl.Series(numbers, dtype=pl.UInt64)
