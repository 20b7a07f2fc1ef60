"""Turn click-event logs into answers, at the command line or from Python.

``clickcli.open(path)`` gives a store whose methods are the analyses: ``.funnel(steps=[…])``
returns a ``Result`` with ``.to_polars()``, ``.meta`` and ``.notes``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clickcli.api import Log

__version__ = "0.1.0"
__all__ = ["__version__", "create", "open"]


def open(path: str | Path) -> Log:  # noqa: A001 - reads as clickcli.open
    """Open the store at ``path``.

    Raises DataError when there is none or it was made by a newer version.
    """
    from clickcli.api import Log

    return Log.open(path)


def create(path: str | Path) -> Log:
    """Make an empty store at ``path`` and open it.

    Raises DataError when there is one already.
    """
    from clickcli.api import Log

    return Log.create(path)
