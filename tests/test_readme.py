"""README's console blocks print what they say, and its Python blocks run.

A line that is only ``…`` stands for any lines; ``…`` inside a line for any text. Blocks run in
one folder, in order, at a terminal of 80 columns. ``python -m tests.test_readme`` writes what
the commands print now into README, where a block holds no ``…`` or no longer matches.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SIZE = struct.pack("HHHH", 24, 80, 0, 0)


def run(command: str, folder: Path) -> str:
    """Run a shell command in a terminal and return what it shows."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, SIZE)
    environment = {
        "HOME": str(folder), "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "TERM": "dumb", "TZ": "UTC",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    with subprocess.Popen(
        ["bash", "-c", command], cwd=folder, env=environment,
        stdin=subprocess.DEVNULL, stdout=end, stderr=end,
    ):  # fmt: skip
        os.close(end)
        shown = b""
        try:
            while part := os.read(terminal, 1 << 16):
                shown += part
        except OSError:  # how Linux says that the other end is closed
            pass
    os.close(terminal)
    text = shown.decode().replace("\r\n", "\n")
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def played(block: str, folder: Path) -> str:
    """Return a console block as it looks when its commands are run now."""
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{line}\n{run(line.removeprefix('$ '), folder)}" for line in commands)


def matches(expected: str, actual: str) -> bool:
    """Return whether a text is as expected, up to what ``…`` leaves out."""
    pattern = "".join(
        "(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*?") + "\n"
        for line in expected.splitlines()
    )
    return re.fullmatch(pattern, actual) is not None


def replayed(readme: str) -> str:
    """Return README as it should be: every block run, in order, in one empty folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "sample_data", folder / "sample_data")

        def replay(block: re.Match[str]) -> str:
            kind, text = block[1], block[2]
            if kind == "python":
                (folder / "example.py").write_text(text, encoding="utf-8")
                printed = run("python -W error example.py >/dev/null || echo failed", folder)
                return block[0] + printed
            actual = played(text, folder)
            return f"```{kind}\n{text if matches(text, actual) else actual}```"

        return BLOCK.sub(replay, readme)


def test_readme_shows_what_the_program_does() -> None:
    readme = README.read_text(encoding="utf-8")
    assert readme.count("```console") > 3
    assert replayed(readme) == readme


def test_left_out_text_matches_and_nothing_else_does() -> None:
    assert matches("a\n…\nz\n", "a\nb\nc\nz\n")
    assert matches("a\n…\nz\n", "a\nz\n")
    assert matches("took … s\n", "took 1.25 s\n")
    assert not matches("took … s\n", "took 1.25 s\nwarning\n")
    assert not matches("took …\n", "took 1.25 s\nwarning\n")
    assert not matches("a.c\n", "abc\n")


if __name__ == "__main__":
    README.write_text(replayed(README.read_text(encoding="utf-8")), encoding="utf-8")
