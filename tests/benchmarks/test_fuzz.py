"""Two thousand hostile inputs; a hundred thousand by `python -m benchmarks.fuzz`."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from benchmarks import fuzz
from benchmarks.rig.connection import Answer
from benchmarks.rig.hostile import MARK, Foe, Hostile, Operation

INPUTS = 2_000


def test_nothing_breaks_and_nothing_leaks(
    mood_bundle: Path, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # asyncio says so where the service hung up on a slow sender, as it should.
    monkeypatch.setattr(logging.getLogger("asyncio"), "disabled", True)
    found = fuzz.run(INPUTS, bundle=mood_bundle, texts=texts, quiet_seconds=0.5)
    assert found["amiss"] == []
    assert sum(found["statuses"].values()) == INPUTS
    assert set(found["kinds"]) >= {"fields", "json", "headers", "query", "form", "framing"}
    for canary in found["canary"].values():
        assert canary["failed"] == 0


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, {}, b"{}"),
        Answer(0, {}, b""),
        Answer(422, {}, b"said " + MARK.encode()),
        Answer(200, {}, b"suda_secret"),
        Answer(400, {}, b"Traceback (most recent call last)"),
    ],
)
def test_what_is_amiss_is_seen(answer: Answer) -> None:
    found = fuzz.Findings()
    found.judge(Hostile("fields", b"x"), answer, "suda_secret")
    assert len(found.amiss) == 1


def test_the_log_is_searched_in_every_spelling() -> None:
    assert fuzz.logged(b"fine", "key") == []
    for line in (MARK.encode(), b"Traceback (most", b"Bearer key"):
        assert len(fuzz.logged(line, "key")) >= 1


def test_the_same_seed_draws_the_same_inputs() -> None:
    known = [Operation("POST", "/v1/{id}/a", ()), Operation("GET", "/v1/b", ("limit",))]
    one, other = Foe(known, "key", 3), Foe(known, "key", 3)
    drawn = [one.next() for _ in range(300)]
    assert drawn == [other.next() for _ in range(300)]
    assert not any(b"{id}" in sent.data for sent in drawn)
