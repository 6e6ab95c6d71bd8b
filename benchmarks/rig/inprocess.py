"""The same model and triage without HTTP and store: what the service's throughput is held against.

Waits on standard input for a number of seconds, decides texts for so long on as many threads as
the service has, and writes how many; again, until the input ends.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from benchmarks.rig.service import ROOT
from benchmarks.rig.texts import read_texts
from data.records import Complaint
from serving.pipeline import Pipeline
from serving.settings import Settings


class Speed(NamedTuple):
    """Texts a second, and the processor time of one in milliseconds."""

    per_second: float
    cpu_ms: float


def decide_for(pipeline: Pipeline, texts: list[str], seconds: float, threads: int) -> Speed:
    """How fast `threads` threads decide."""
    numbers, until, done = itertools.count(), time.perf_counter() + seconds, [0] * threads

    def work(me: int) -> None:
        while time.perf_counter() < until:
            number = next(numbers)
            text = texts[number % len(texts)]
            pipeline.outcome(Complaint(text, datetime.now(UTC)), str(number))
            done[me] += 1

    began, cpu = time.perf_counter(), time.process_time()
    running = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    texts_done = max(1, sum(done))
    cpu_ms = 1000 * (time.process_time() - cpu) / texts_done
    return Speed(texts_done / (time.perf_counter() - began), cpu_ms)


class InProcess:
    """The measurement as a process that stays, so that a round costs no loading."""

    def __init__(self, texts: Path, threads: int, bundle: Path | None) -> None:
        command = [sys.executable, "-m", "benchmarks.rig.inprocess", str(texts), str(threads)]
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [*command, *([str(bundle)] if bundle else [])],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def measure(self, seconds: float) -> Speed:
        """How fast, over so many seconds."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        assert self._process.stdout is not None  # noqa: S101
        self._process.stdin.write(f"{seconds}\n".encode())
        self._process.stdin.flush()
        return Speed(*map(float, self._process.stdout.readline().split()))

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def main(texts: str, threads: str, bundle: str | None = None) -> None:
    """Answer on standard output."""
    pipeline = Pipeline.open(Settings(bundle=Path(bundle) if bundle else None))
    read = read_texts(Path(texts))
    for line in sys.stdin:
        print(*decide_for(pipeline, read, float(line), int(threads)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
