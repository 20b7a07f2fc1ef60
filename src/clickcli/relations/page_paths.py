"""Page paths as people think of them: ids, dates and addresses in them become words.

``/orders/8731/items/`` and ``/orders/9120/items`` are one page, ``/orders/:id/items``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import narwhals as nw

NO_PATH: Final = "(none)"

_RULES: Final = (
    (r"/[^/@]+(@|%40)[^/@]+\.[A-Za-z]{2,}/", "/:email/"),
    (r"/(19|20)[0-9]{2}[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12][0-9]|3[01])/", "/:date/"),
    (r"/[0-9]+/", "/:id/"),
    (r"/[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}/", "/:id/"),
    (r"/[0-9A-Fa-f]{16,}/", "/:id/"),
    (r"/[A-Za-z]{1,2}[-_][0-9]+/", "/:id/"),
    (r"/[0-9A-Za-z]+[0-9][0-9A-Za-z_]{18,}/", "/:id/"),
)
"""What a whole segment may be, and the word that stands for it; the first that fits."""


class Paths(StrEnum):
    """How page paths are taken."""

    CLEAN = "clean"
    RAW = "raw"


def page_path(column: str, how: Paths) -> nw.Expr:
    """Return the page of each event; ``(none)`` where there is no path.

    Cleaned, a path also loses the slash at its end and what stands twice.
    """
    import narwhals as nw

    path = nw.col(column)
    if how is Paths.RAW:
        return path.fill_null(NO_PATH)
    # Every slash twice, so that each segment has two of its own for the rules to match.
    path = nw.concat_str([path, nw.lit("/")]).str.replace_all(r"/+", "//")
    for pattern, word in _RULES:
        path = path.str.replace_all(pattern, word)
    path = path.str.replace_all(r"/+", "/").str.replace_all(r"/$", "")
    return nw.when(path == "").then(nw.lit("/")).otherwise(path).fill_null(NO_PATH)
