"""A small shop's log and store, and a way to run the command line in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from clickcli.cli.main import main

DAY = 86_400


@dataclass(frozen=True)
class Ran:
    """What a command gave."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


def log_lines() -> list[dict[str, object]]:
    """Return a log of three people over three weeks: views, carts, one purchase."""
    start = 1_709_251_200  # 2024-03-01T00:00:00Z, a Friday
    lines: list[dict[str, object]] = []

    def add(person: str, day: int, minute: int, event: str, **more: object) -> None:
        lines.append(
            {
                "event_id": f"e{len(lines)}",
                "event_type": event,
                "ts": start + day * DAY + minute * 60,
                "user_id": person,
                **more,
            }
        )

    for person, days in (("anna", (0, 1, 8)), ("bert", (0, 9)), ("cleo", (2,))):
        for day in days:
            add(person, day, 600, "product_view", item_id="p1", device_type="mobile", price=9.5)
            add(person, day, 601, "product_view", item_id="p2", country="DE", plan="pro")
    add("anna", 0, 605, "add_to_cart", item_id="p1", price=9.5, currency="EUR")
    add("anna", 0, 610, "purchase", item_id="p1", revenue=9.5, currency="EUR")
    add("bert", 0, 605, "add_to_cart", item_id="p2")
    add("dora", 15, 600, "\x1b[31mhack", item_id="[bold]x[/bold]", country="=1+1")
    return lines


def write_log(path: Path, lines: list[dict[str, object]] | None = None) -> Path:
    """Write a log file and return its path."""
    lines = log_lines() if lines is None else lines
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a store that holds the shop's log; not to be written to."""
    import clickcli

    folder = tmp_path_factory.mktemp("shop")
    with clickcli.create(folder / "store") as log:
        log.ingest(write_log(folder / "events.jsonl"))
    return folder / "store"


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Run:
    """Return a function that runs the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Ran:
        code = main([str(argument) for argument in arguments])
        out, err = capfdbinary.readouterr()
        return Ran(code, out.decode(), err.decode())

    return call
