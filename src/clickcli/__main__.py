"""Run the command line with ``python -m clickcli``."""

from __future__ import annotations

import sys

from clickcli.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
