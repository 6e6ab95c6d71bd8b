from __future__ import annotations

from functools import partial
from pathlib import Path

import orjson
import pytest

from eval.speed.bench import Plan, bench, of_length, steps, texts_per_second
from eval.speed.contenders import Contender, bundle_contender
from eval.speed.figures import median, resident
from eval.speed.memory import memory_over
from model.runtime import load

TEXTS = ["态度真好", "排队太久，没人理我", "乱扣我钱"]
SMALL = Plan(
    characters=(5, 20), callers=(1, 2), rounds=2, throughput_rounds=2, seconds=0.02, warm_up=1
)


def test_a_median_lies_within_its_interval() -> None:
    figure = median([1.0, 2.0, 3.0, 4.0, 100.0])
    assert figure.value == 3.0
    assert 1.0 <= figure.low <= 3.0 <= figure.high <= 100.0
    assert median([7.0]) == median([7.0])


def note(asked: list[str], name: str, text: str) -> None:
    asked.append(name)


def test_contenders_take_turns(mood_bundle: Path) -> None:
    asked: list[str] = []
    contenders = [Contender(name, "nothing", partial(note, asked, name)) for name in "ab"]
    told: list[str] = []
    report = bench(contenders, TEXTS, SMALL, on_step=lambda name, _: told.append(name))
    assert asked[2:10] == ["a", "b"] * 4
    assert len(told) == steps(SMALL)
    row = report.rows[0]
    assert list(row.latency_ms) == ["5", "20", "mixed"]
    assert list(row.texts_per_second) == ["1", "2"]
    assert row.latency_ms["mixed"].n == 8
    assert orjson.dumps(report.as_json())


def test_a_bundle_is_measured_with_its_version(mood_bundle: Path) -> None:
    contender = bundle_contender("linear", mood_bundle)
    assert contender.made_of == load(mood_bundle).version
    assert texts_per_second(contender, TEXTS, 2, 0.05) > 0


def test_lengths_are_exact() -> None:
    assert {len(text) for text in of_length(TEXTS, 50)} == {50}


def test_memory_is_sampled_over_calls_and_swaps(mood_bundle: Path) -> None:
    loads: list[int] = []

    def opened() -> object:
        loads.append(1)
        return load(mood_bundle)

    report = memory_over(opened, TEXTS, calls=40, swaps=4)  # type: ignore[arg-type]
    assert len(report.after_calls) == 20
    assert len(report.after_swaps) == 4
    assert len(loads) == 5
    assert report.as_json()["growth"] == report.growth
    assert resident() > 10


def test_the_plot_is_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    from eval.speed.plot import plot

    report = bench([Contender("a", "nothing", lambda text: None)], TEXTS, SMALL)
    plot(report, tmp_path / "bench.png")
    assert (tmp_path / "bench.png").stat().st_size > 1_000
