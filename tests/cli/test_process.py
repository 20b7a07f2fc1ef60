"""The program as a process: what it imports, closed pipes, interrupts, completion."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HEAVY = ("polars", "narwhals", "numpy", "pyarrow", "sqlglot", "pydantic", "sklearn", "pyspark")


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "clickcli", *(str(argument) for argument in arguments)]


def _imported(*arguments: object) -> tuple[set[str], set[str]]:
    """Return the top-level packages and the analyses that a command imports."""
    code = (
        "import sys\n"
        "from clickcli.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    words = [sys.executable, "-c", code, *(str(argument) for argument in arguments)]
    ran = subprocess.run(words, capture_output=True, text=True, check=True)
    modules = ran.stderr.split("\n")
    analyses = {name for name in modules if name.startswith("clickcli.analyses.")}
    return {name.partition(".")[0] for name in modules}, analyses


def test_help_imports_no_engine_and_no_analysis() -> None:
    packages, analyses = _imported("--help")
    assert not packages.intersection(HEAVY)
    assert not analyses
    assert "rich" not in packages


def test_info_is_answered_from_the_catalog_alone(shop: Path) -> None:
    for kind in ("tsv", "json", "csv"):
        packages, analyses = _imported("info", "--store", shop, "-f", kind)
        assert not packages.intersection(HEAVY)
        assert "rich" not in packages
        assert not analyses


def test_the_help_of_an_analysis_imports_no_engine() -> None:
    for name in ("funnel", "retention"):
        packages, analyses = _imported(name, "--help")
        assert not packages.intersection(HEAVY)
        assert analyses == {f"clickcli.analyses.{name}"}


def test_a_closed_pipe_ends_quietly(shop: Path) -> None:
    for words in (["events", "--head", "0", "--columns", "*"], ["--help"], ["info", "-f", "json"]):
        store = [] if words == ["--help"] else ["--store", str(shop)]
        ran = subprocess.Popen(
            _command(*words, *store), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert ran.stdout is not None
        assert ran.stderr is not None
        ran.stdout.close()
        err = ran.stderr.read()
        ran.stderr.close()
        assert ran.wait() == 141
        assert err.replace(b"note: the first 20 events; --head 0 gives all of them\n", b"") == b""


def test_ctrl_c_says_so_and_gives_130(tmp_path: Path) -> None:
    ran = subprocess.Popen(
        _command("ingest", "-", "--store", tmp_path / "store"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert ran.stdin is not None
    ran.stdin.write(b'{"event":"view","ts":1709251200,"user_id":"a"}\n')
    ran.stdin.flush()
    deadline = time.monotonic() + 30
    while not (tmp_path / "store" / "catalog.db").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    ran.send_signal(signal.SIGINT)
    out, err = ran.communicate(timeout=30)
    assert ran.returncode == 130
    assert out == b""
    assert err.decode().strip().endswith("clickcli: interrupted")
    assert b"Traceback" not in err


def test_stdin_is_a_source(tmp_path: Path) -> None:
    ran = subprocess.run(
        _command("ingest", "-", "--store", tmp_path / "store", "-q"),
        input=b'{"event":"view","ts":1709251200,"user_id":"a"}\n',
        capture_output=True,
        check=True,
    )
    assert ran.stdout.split(b"\n")[1].split(b"\t")[2:4] == [b"1", b"1"]


def _at_terminal(*arguments: object, columns: int = 80) -> tuple[int, str]:
    """Run a command whose stdout and stderr are a terminal; return its code and output."""
    main, other = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    ran = subprocess.Popen(_command(*arguments), stdout=other, stderr=other, env=environment)
    os.close(other)
    pieces = []
    while True:
        try:
            piece = os.read(main, 65536)
        except OSError:
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(main)
    return ran.wait(), b"".join(pieces).decode()


def test_a_terminal_is_given_tables_in_colour(shop: Path) -> None:
    code, text = _at_terminal("info", "--store", shop)
    assert code == 0
    assert "\x1b[1mStore" in text
    assert "␛[31mhack" in text
    assert "\x1b[31m" not in text


def test_a_binary_format_is_not_written_to_a_terminal(shop: Path) -> None:
    code, text = _at_terminal("info", "--store", shop, "-f", "parquet")
    assert code == 2
    assert "garble the terminal" in text
    assert "PAR1" not in text


def _completed(words: str, folder: Path) -> list[str]:
    environment = {
        **os.environ,
        "_CLICKCLI_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    ran = subprocess.run(
        _command(), env=environment, capture_output=True, text=True, check=True, cwd=folder
    )
    return ran.stdout.split()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("clickcli fun", ["funnel"]),
        ("clickcli config ", ["show"]),
        ("clickcli funnel pur", ["purchase"]),
        ("clickcli funnel --or", ["--order"]),
        ("clickcli funnel --order st", ["strict"]),
        ("clickcli events --type add", ["add_to_cart"]),
        ("clickcli events --by device", ["device_type"]),
        ("clickcli events --by properties.", ["properties.plan"]),
        ("clickcli info -f json", ["json", "jsonl"]),
        ("clickcli active --tz Europe/Berl", ["Europe/Berlin"]),
    ],
)
def test_the_shell_completes_words_of_the_store(
    words: str, found: list[str], shop: Path, tmp_path: Path
) -> None:
    (tmp_path / "clickcli.toml").write_text(f"store = '{shop}'\n")
    assert _completed(words, tmp_path) == found
