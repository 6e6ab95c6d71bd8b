"""Swap two bundles under load: failures, answer times, memory after each swap.

python benchmarks/swap.py FIRST SECOND [SWAPS] [THREADS] [TEXTS.jsonl]

The service runs as it is served, over a registry and an SQLite store of its own; the threads that
ask run in the same process and take their share of its processors.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections import Counter
from itertools import count, cycle
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from data.labelled import load_labelled
from eval.speed.figures import resident
from model import bundle
from model.registry.registry import Registry
from serving.api.app import create_app
from serving.api.server import server
from serving.settings import Settings

CORPUS = Path(__file__).parents[1] / "data" / "corpus"
_PORT = 8391
_BETWEEN = 3.0


class Callers:
    """Threads that ask one complaint after the other until told to stop."""

    def __init__(self, url: str, texts: list[str], threads: int) -> None:
        self._url = url
        self._texts = texts
        self._numbers = count()
        self._stop = threading.Event()
        self.seconds: list[tuple[float, float]] = []
        self.answers: Counter[str] = Counter()
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask nothing more."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        with httpx.Client(base_url=self._url, timeout=60) as client:
            for number in self._numbers:
                if self._stop.is_set():
                    return
                text = f"{self._texts[number % len(self._texts)]} {number}"
                began = time.perf_counter()
                response = client.post(
                    "/v1/classify", json={"text": text}, headers={"Suda-Deadline-Ms": "10000"}
                )
                self.seconds.append((began, time.perf_counter() - began))
                said = response.json()
                ok = response.status_code == 200
                self.answers[said["versions"]["model"] if ok else str(response.status_code)] += 1


def main(first: Path, second: Path, swaps: int, threads: int, data: Path) -> dict[str, Any]:
    """The figures."""
    texts = [item.text for item in load_labelled(data, bundle.read(first)[1])]
    with tempfile.TemporaryDirectory() as folder:
        registry = Registry(Path(folder) / "models")
        versions = [registry.add(path, who="benchmark", why="swap") for path in (first, second)]
        registry.promote(versions[0], who="benchmark", why="swap", force=True)
        settings = Settings(
            registry=registry.path,
            database_url=f"sqlite:///{folder}/suda.sqlite3",
            port=_PORT,
            auth="off",
            drift_minutes=0,
            log_level="error",
        )
        app = create_app(settings)
        serving = server(app, settings)
        thread = threading.Thread(target=serving.run)
        thread.start()
        try:
            return _measured(app, serving, versions, texts, swaps, threads)
        finally:
            serving.should_exit = True
            thread.join()


def _measured(
    app: Any, serving: Any, versions: list[str], texts: list[str], swaps: int, threads: int
) -> dict[str, Any]:
    while not serving.started:
        time.sleep(0.1)
    board = app.state.suda.models
    url = f"http://127.0.0.1:{_PORT}"
    callers = Callers(url, texts, threads)
    rounds = []
    with httpx.Client(base_url=url, timeout=300) as client:
        time.sleep(2 * _BETWEEN)
        start = resident()
        turns = cycle((versions[1], versions[0]))
        for number in range(1, swaps + 1):
            began = time.perf_counter()
            body = {"why": "benchmark", "force": True}
            done = client.post(f"/v1/models/{next(turns)}/activate", json=body)
            done.raise_for_status()
            ended = time.perf_counter()
            time.sleep(_BETWEEN)
            rounds.append(
                {
                    "seconds": round(ended - began, 2),
                    "resident_mb": round(resident(), 1),
                    "held": board.held(),
                    "during": _times(callers, began, ended),
                    "after": _times(callers, ended, time.perf_counter()),
                }
            )
            print(f"{number}/{swaps}", end="\r", file=sys.stderr)  # noqa: T201
    callers.stop()
    after = [r["resident_mb"] for r in rounds]
    half = len(after) // 2
    return {
        "swaps": swaps,
        "callers": threads,
        "answers": dict(callers.answers),
        "resident_mb_before": round(start, 1),
        "resident_mb_growth": round(max(after[half:]) - max(after[:half]), 1) if half else None,
        "rounds": rounds,
    }


def _times(callers: Callers, began: float, ended: float) -> dict[str, float]:
    taken = [s * 1000 for at, s in list(callers.seconds) if began <= at < ended]
    if not taken:
        return {"n": 0}
    p50, p99 = np.percentile(taken, [50, 99])
    return {"n": len(taken), "p50_ms": round(float(p50), 1), "p99_ms": round(float(p99), 1)}


if __name__ == "__main__":
    given = sys.argv[1:]
    figures = main(
        Path(given[0]),
        Path(given[1]),
        int(given[2]) if len(given) > 2 else 20,
        int(given[3]) if len(given) > 3 else 4,
        Path(given[4]) if len(given) > 4 else CORPUS,
    )
    print(json.dumps(figures, indent=1))  # noqa: T201
