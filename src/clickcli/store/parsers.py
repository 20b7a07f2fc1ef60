"""Parse blocks in order, in this process or in several.

A log whose lines need no parser stays in this process: sending it to another would cost more.
A worker is a plain subprocess that is sent blocks over a pipe and ends when the pipe does: it
needs no guard in the caller's script and outlives nobody.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, Final

from clickcli.errors import InternalError
from clickcli.store.parse import Chunk, Memory, ParseSettings, parse_chunk
from clickcli.store.sources import Block

SMALL_INPUT: Final = 32 << 20
"""Bytes of input below which starting workers costs more than it gives."""
PROVEN_SHARE: Final = 0.8
"""Share of lines that need no parser from which on other processes are of no use."""
_HEADER: Final = 8


def parse_blocks(
    blocks: Iterable[Block], settings: ParseSettings, workers: int
) -> Generator[Chunk, None, None]:
    """Yield a chunk for each block, in order."""
    memory = Memory()
    blocks = iter(blocks)
    if workers < 1:
        for block in blocks:
            yield parse_chunk(block.data, block.first_line, settings, memory)
        return
    is_proven = True
    with ThreadPoolExecutor(1) as ahead:  # of the caller, who works on the chunk before
        waiting: deque[Future[Chunk]] = deque()
        for block in blocks:
            waiting.append(
                ahead.submit(parse_chunk, block.data, block.first_line, settings, memory)
            )
            if len(waiting) > 1:
                chunk = waiting.popleft().result()
                is_proven = chunk.proven >= PROVEN_SHARE * chunk.read
                yield chunk
            if not is_proven:
                break
        while waiting:
            yield waiting.popleft().result()
    yield from _by_crew(blocks, settings, workers)


def _by_crew(
    blocks: Iterator[Block], settings: ParseSettings, workers: int
) -> Generator[Chunk, None, None]:
    """Yield a chunk for each block, in order, made by other processes."""
    first = next(blocks, None)
    if first is None:
        return
    crew = _Crew(settings, workers)
    waiting: deque[Future[Chunk]] = deque()
    try:
        for block in chain((first,), blocks):
            waiting.append(crew.submit(block))
            if len(waiting) > workers + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        crew.close()


class _Crew:
    """Worker processes, each spoken to by one thread at a time."""

    def __init__(self, settings: ParseSettings, workers: int) -> None:
        self._all = [_start(settings) for _ in range(workers)]
        self._idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        for process in self._all:
            self._idle.put(process)
        self._threads = ThreadPoolExecutor(workers)

    def submit(self, block: Block) -> Future[Chunk]:
        return self._threads.submit(self._parse, block)

    def _parse(self, block: Block) -> Chunk:
        process = self._idle.get()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            send(process.stdin, (block.data, block.first_line))
            answer = receive(process.stdout)
        except (OSError, EOFError) as error:
            raise InternalError("a parser process ended before its work was done") from error
        finally:
            self._idle.put(process)
        if isinstance(answer, BaseException):
            raise answer
        chunk: Chunk = answer
        return chunk

    def close(self) -> None:
        for process in self._all:
            process.kill()
        self._threads.shutdown(cancel_futures=True)
        for process in self._all:
            process.communicate()


def _start(settings: ParseSettings) -> subprocess.Popen[bytes]:
    package_folder = str(Path(__file__).resolve().parents[2])
    paths = [package_folder, *(path for path in sys.path if path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "clickcli.store.parsers"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "POLARS_MAX_THREADS": "1"},
    )  # fmt: skip
    assert process.stdin is not None
    send(process.stdin, settings)
    return process


def send(stream: IO[bytes], value: Any) -> None:
    """Write a value with its length before it."""
    data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(len(data).to_bytes(_HEADER, "little"))
    stream.write(data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read a value that ``send`` wrote. Raises EOFError at the end of the stream."""
    header = stream.read(_HEADER)
    if len(header) < _HEADER:
        raise EOFError
    size = int.from_bytes(header, "little")
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)  # noqa: S301  our own process wrote it


def work() -> None:
    """Parse what comes in until nothing comes any more."""
    source, answers = sys.stdin.buffer, sys.stdout.buffer
    try:
        settings = receive(source)
        memory = Memory()
        while True:
            data, first_line = receive(source)
            try:
                answer: Any = parse_chunk(data, first_line, settings, memory)
            except Exception as error:  # noqa: BLE001  the caller raises it
                answer = error
            send(answers, answer)
    except (EOFError, BrokenPipeError):
        return


if __name__ == "__main__":
    work()
