"""Latency by length, throughput by callers, memory: contenders in turns on one machine.

The machine has other work, so each round asks every contender once, in turn, and figures are
medians over rounds. Every library is held to one thread a call; callers are the parallelism.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from eval.speed.contenders import Contender
from eval.speed.figures import Median, median
from model.threads import effective_cpus

Tick = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """`characters` are the lengths asked, `callers` the threads that call at once.

    `seconds` is how long one measurement of throughput runs, `rounds` how often all is measured.
    """

    characters: tuple[int, ...] = (20, 60, 100, 150, 250, 400)
    callers: tuple[int, ...] = (1, 2, 4)
    rounds: int = 15
    throughput_rounds: int = 5
    seconds: float = 1.5
    warm_up: int = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One contender's figures.

    `latency_ms` by characters and for the texts as they are ("mixed"), `texts_per_second` by
    callers.
    """

    name: str
    made_of: str
    latency_ms: dict[str, Median]
    texts_per_second: dict[str, Median]


@dataclass(frozen=True, slots=True)
class BenchReport:
    """All figures with the thread budget they were measured under."""

    cpus: int
    threads_per_call: int
    texts: int
    rows: tuple[Row, ...]

    def as_json(self) -> dict[str, Any]:
        """Everything."""
        return asdict(self)


def equalise_threads() -> int:
    """Hold torch to one thread a call, as onnxruntime sessions are; returns that number."""
    try:
        import torch
    except ImportError:
        return 1
    torch.set_num_threads(1)
    return 1


def bench(
    contenders: Sequence[Contender],
    texts: Sequence[str],
    plan: Plan = Plan(),
    on_step: Tick = lambda _name, _done: None,
) -> BenchReport:
    """Measure every contender; `on_step` gets what is measured and how many rounds are done."""
    threads = equalise_threads()
    for contender in contenders:
        for text in texts[: plan.warm_up]:
            contender.answer(text)
    latency = _latencies(contenders, texts, plan, on_step)
    throughput = _throughputs(contenders, texts, plan, on_step)
    rows = [
        Row(
            name=c.name,
            made_of=c.made_of,
            latency_ms={key: median(values) for key, values in latency[c.name].items()},
            texts_per_second={key: median(values) for key, values in throughput[c.name].items()},
        )
        for c in contenders
    ]
    return BenchReport(effective_cpus(), threads, len(texts), tuple(rows))


def steps(plan: Plan) -> int:
    """How many times `on_step` will be called."""
    return plan.rounds + plan.throughput_rounds


def of_length(texts: Sequence[str], characters: int) -> list[str]:
    """Texts of exactly so many characters, cut or joined from the given ones."""
    stream = "".join(text.replace("\n", " ") for text in texts)
    while len(stream) < 4 * characters:
        stream *= 2
    return [stream[i * characters : (i + 1) * characters] for i in range(4)]


def _latencies(
    contenders: Sequence[Contender], texts: Sequence[str], plan: Plan, on_step: Tick
) -> dict[str, dict[str, list[float]]]:
    asked = {str(n): of_length(texts, n) for n in plan.characters}
    asked["mixed"] = list(texts)
    found: dict[str, dict[str, list[float]]] = {c.name: {k: [] for k in asked} for c in contenders}
    for turn in range(plan.rounds):
        for key, pool in asked.items():
            for text in _several(pool, turn):
                for contender in contenders:
                    start = time.perf_counter()
                    contender.answer(text)
                    elapsed = time.perf_counter() - start
                    found[contender.name][key].append(1e3 * elapsed)
        on_step("latency", turn + 1)
    return found


def _several(pool: Sequence[str], turn: int) -> list[str]:
    """Four texts a round, moving through the pool."""
    return [pool[(4 * turn + i) % len(pool)] for i in range(4)]


def _throughputs(
    contenders: Sequence[Contender], texts: Sequence[str], plan: Plan, on_step: Tick
) -> dict[str, dict[str, list[float]]]:
    keys = {str(n): n for n in plan.callers}
    found: dict[str, dict[str, list[float]]] = {c.name: {k: [] for k in keys} for c in contenders}
    for turn in range(plan.throughput_rounds):
        for key, callers in keys.items():
            for contender in contenders:
                speed = texts_per_second(contender, texts, callers, plan.seconds)
                found[contender.name][key].append(speed)
        on_step("throughput", turn + 1)
    return found


def texts_per_second(
    contender: Contender, texts: Sequence[str], callers: int, seconds: float
) -> float:
    """Texts answered a second by so many callers, each asking again as soon as it is answered."""
    start = time.perf_counter()
    end = start + seconds

    def call(first: int) -> int:
        done = 0
        while time.perf_counter() < end:
            contender.answer(texts[(first + done * callers) % len(texts)])
            done += 1
        return done

    with ThreadPoolExecutor(callers) as pool:
        total = sum(pool.map(call, range(callers)))
    return total / (time.perf_counter() - start)
