"""What came lately is known again, whatever it is known by; what came long ago is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from data.errors import ConflictError
from serving.repeats import Repeats
from tests.store.kit import entry


def test_a_key_or_an_id_that_came_before_is_known() -> None:
    repeats = Repeats()
    assert not repeats.met(entry(key="a"))
    assert not repeats.met(entry(key="b", source="phone", external_id="1"))
    assert repeats.met(entry(key="a"))
    assert repeats.met(entry(source="phone", external_id="1"))
    assert repeats.met(entry(key="b", source="phone", external_id="2"))
    assert not repeats.met(entry(source="app", external_id="1"))


def test_what_has_neither_is_never_known() -> None:
    repeats = Repeats()
    assert not repeats.met(entry())
    assert not repeats.met(entry())


def test_only_the_last_are_remembered() -> None:
    repeats = Repeats(remembered=10)
    for number in range(200):
        assert not repeats.met(entry(key=str(number)))
    assert repeats.met(entry(key="199"))
    assert repeats.met(entry(key="195"))
    assert not repeats.met(entry(key="150"))


def test_one_that_was_forgotten_is_answered_as_it_first_was(client: TestClient) -> None:
    """By the transaction that would save it."""
    app: Any = client.app
    intake = app.state.suda.intake
    first = intake.take(entry(key="k").complaint, "f", "k")
    forgetful = replace(intake, repeats=Repeats())
    again = forgetful.take(entry(key="k").complaint, "f", "k")
    assert again.replayed
    assert again.body == first.body
    with pytest.raises(ConflictError):
        replace(intake, repeats=Repeats()).take(entry(key="k").complaint, "other", "k")
