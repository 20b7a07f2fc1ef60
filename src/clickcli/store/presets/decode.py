"""From bytes to decoded events, one or several a line, as the preset of a log says.

A line of text is known again by its bytes without the line's end. Of a line that holds several
events, each is known by the line and its place in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, islice
from typing import Any, Final

from clickcli.store.decode import BOM, Decoded, decode, dump_json
from clickcli.store.hashes import PART, content_digest, id_digest, line_digest
from clickcli.store.mapping import FieldMap
from clickcli.store.presets.base import Preset

MAX_SPREAD: Final = 32
"""How many times its own length the events of a line may have together."""


def decode_lines(
    data: bytes, first_line: int, max_line_bytes: int, mapping: FieldMap | None
) -> Decoded:
    """Decode whole lines; ``first_line`` is the number of the first one, from 1."""
    if not isinstance(mapping, Preset):
        return decode(data, first_line, max_line_bytes)
    if mapping.text is None:
        decoded = decode(data, first_line, max_line_bytes, takes_lists=mapping.takes_lists)
    else:
        decoded = _decode_text(data, first_line, max_line_bytes, mapping)
    return decoded if mapping.explode is None else _exploded(decoded, mapping)


def _decode_text(data: bytes, first_line: int, max_line_bytes: int, preset: Preset) -> Decoded:
    """Decode lines of text, among which may be JSON objects where the preset has them."""
    assert preset.text is not None
    out = Decoded()
    if first_line == 1:
        data = data.removeprefix(BOM)
    texts = data.removesuffix(b"\n").split(b"\n")
    for number, line in enumerate(texts, first_line):
        text = line.removesuffix(b"\r")
        if preset.has_json and text.lstrip().startswith(b"{"):
            _extend(out, decode(text, number, max_line_bytes))
        elif len(line) > max_line_bytes:
            out.rejects.append((number, "too_long", line))
        elif not text.strip():
            out.blank += 1
        elif b"\0" in text:
            out.rejects.append((number, "nul_byte", line))
        else:
            event = preset.text(text)
            if isinstance(event, str):
                out.rejects.append((number, event, line))
            else:
                _add(out, event, number, line, line_digest(text))
    return out


def _add(out: Decoded, event: dict[str, Any], number: int, raw: bytes, digest: bytes) -> None:
    out.lines.append(event)
    out.numbers.append(number)
    out.raw.append(raw)
    out.digests.append(digest)


def _extend(out: Decoded, other: Decoded) -> None:
    out.lines += other.lines
    out.numbers += other.numbers
    out.raw += other.raw
    out.digests += other.digests
    out.rejects += other.rejects
    out.blank += other.blank


def _exploded(decoded: Decoded, preset: Preset) -> Decoded:
    """Return the events of the lines; a line without any is a reject, and so is a bomb."""
    assert preset.explode is not None
    out = Decoded(rejects=decoded.rejects, blank=decoded.blank)
    parts = zip(decoded.lines, decoded.numbers, decoded.raw, decoded.digests, strict=True)
    for line, number, raw, digest in parts:
        events = iter(preset.explode(line))
        first = list(islice(events, 2))
        if not first:
            out.rejects.append((number, "no_event", raw))
        elif len(first) == 1 and type(first[0]) is dict:
            _add(out, first[0], number, raw, digest)
        else:
            _add_several(out, chain(first, events), number, raw, digest)
    out.rejects.sort()
    return out


def _add_several(
    out: Decoded, events: Iterable[Any], number: int, raw: bytes, digest: bytes
) -> None:
    """Add the events of one line, each with its own text and a hash made of the line's.

    Events are made one by one and no more of them than may be, so that a bomb costs little.
    """
    found: list[tuple[Any, bytes]] = []
    left = MAX_SPREAD * len(raw)
    for event in events:
        text = dump_json(event)
        left -= len(text)
        if left < 0:
            out.rejects.append((number, "too_many_events", raw))
            return
        found.append((event, text))
    for index, (event, text) in enumerate(found):
        if type(event) is not dict:
            out.rejects.append((number, "not_object", text))
            continue
        name = id_digest(PART + digest + index.to_bytes(4, "little"))
        content = content_digest(dump_json(event, sort_keys=True))
        _add(out, event, number, text, name + content)
