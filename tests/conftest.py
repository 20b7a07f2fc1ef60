"""What every test stands on: a pinned environment, a Spark Connect server where asked for."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Pinned before anything imports the program: widths, colours, the zone, no one's settings.
_PINNED = {
    "COLUMNS": "80",
    "LINES": "24",
    "LC_ALL": "C.UTF-8",
    "NO_COLOR": "1",
    "RUST_LOG": "error",
    "TERM": "dumb",
    "TERMINAL_WIDTH": "80",
    "TZ": os.environ.get("TEST_TZ", "UTC"),
    "XDG_CONFIG_HOME": str(Path(__file__).parent / "no-user-configuration"),
}
_FOREIGN = ("CLICKCLI_", "FORCE_COLOR", "CLICOLOR", "PY_COLORS", "GITHUB_ACTIONS", "SPARK_")

for _name in [name for name in os.environ if name.startswith(_FOREIGN)]:
    del os.environ[_name]
os.environ.update(_PINNED)
time.tzset()

# Two cores shared with other work: an example that takes long is no failure.
settings.register_profile(
    "clickcli",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("clickcli")


# Files whose every test reads or shows times; single tests elsewhere are marked where they are.
_OF_TIME = (
    "cli/test_commands.py",
    "cli/test_formats.py",
    "store/test_values.py",
    "test_listing.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests of time; keep those on one worker that share what takes long to make."""
    for item in items:
        if str(item.path).endswith(_OF_TIME):
            item.add_marker(pytest.mark.time)
        if "spark" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.spark)
        if item.get_closest_marker("spark"):
            item.add_marker(pytest.mark.xdist_group("spark"))
        if item.path.name == "test_sample_data.py":
            item.add_marker(pytest.mark.xdist_group("sample data"))


@pytest.fixture(scope="session")
def spark() -> Iterator[str]:
    """Run a Spark Connect server in this process; the address is what ``--master`` takes."""
    from pysail.spark import SparkConnectServer

    # A worker of pytest-xdist has no main file, which the client takes for its own doctests.
    vars(sys.modules["__main__"]).setdefault("__file__", __file__)
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    yield f"sc://127.0.0.1:{server.listening_address[1]}"
    server.stop()
