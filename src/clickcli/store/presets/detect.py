"""Which preset reads a log: the one that recognises most of its first lines."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from clickcli.errors import DataError
from clickcli.store.decode import BOM, decode
from clickcli.store.presets import MODULES, find_preset
from clickcli.store.presets.base import Preset

LINES: Final = 100
"""Lines that are looked at."""
HEAD_BYTES: Final = 2 << 20
"""How much of a log is looked at, at most."""


def detect(head: bytes, name: str) -> Preset | None:
    """Return the preset that recognises most lines of a log's head, more than half of them.

    None, for the lines of clickcli itself, where none does or two do equally. Raises DataError
    when there is text and no preset for it.
    """
    texts = head[:HEAD_BYTES].removeprefix(BOM).split(b"\n")
    lines = [text for text in texts if text.strip()][:LINES]
    presets = {preset.name: preset for preset in map(find_preset, MODULES)}
    found: Counter[str] = Counter()
    json_lines = 0
    for line in lines:
        decoded = decode(line, 1, len(line), takes_lists=True).lines
        json_lines += bool(decoded)
        if decoded:
            found.update(one.name for one in presets.values() if _knows(one, decoded[0]))
        else:
            found.update(one.name for one in presets.values() if _reads(one, line))
    best = found.most_common(2)
    if best and 2 * best[0][1] > len(lines) and (len(best) == 1 or best[0][1] > best[1][1]):
        return presets[best[0][0]]
    if lines and not json_lines:
        raise DataError(
            f"--preset auto knows nothing like the first lines of {name}",
            hint="a log is one JSON object a line, or name its format: --preset "
            f"{', '.join(MODULES)}; a JSON list over several lines: jq -c '.[]' {name}",
        )
    return None


def _knows(preset: Preset, line: Any) -> bool:
    is_ours = preset.has_json and (type(line) is dict or preset.takes_lists)
    return is_ours and preset.recognises(line)


def _reads(preset: Preset, line: bytes) -> bool:
    if preset.text is None or b"\0" in line:
        return False
    return type(preset.text(line.removesuffix(b"\r"))) is dict
