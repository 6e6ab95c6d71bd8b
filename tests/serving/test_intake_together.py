"""Several complaints taken in at once: each is answered as it would be alone."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient

from data.errors import ConflictError, InputError
from serving.intake import Intake, Received
from serving.store.entry import Saved
from tests.engine.kit import SOON
from tests.store.kit import entry


@pytest.fixture
def intake(client: TestClient) -> Intake:
    app: Any = client.app
    found: Intake = app.state.suda.intake
    return found


def received(text: str, number: int, fingerprint: str = "f") -> Received:
    complaint = entry(text, source="app", external_id=str(number)).complaint
    return Received(complaint, fingerprint, None)


def settled(begun: Saved | Future[Saved] | Exception) -> Saved | Exception:
    if not isinstance(begun, Future):
        return begun
    return begun.exception(SOON) or begun.result()  # type: ignore[return-value]


def test_new_ones_repeats_and_bad_ones_side_by_side(intake: Intake) -> None:
    first = intake.take(received("没人理我", 1).complaint, "f", None)
    begun = intake.begin_all(
        [
            received("没人理我", 1),
            received("态度恶劣，没人理我", 2),
            received("\u200b", 3),
            received("没人理我", 1, "another content"),
            received("态度恶劣，没人理我", 4),
        ]
    )
    repeat, new, wordless, conflict, other = map(settled, begun)
    assert repeat == Saved(first.body, replayed=True)
    assert isinstance(wordless, InputError)
    assert isinstance(conflict, ConflictError)
    assert isinstance(new, Saved)
    assert isinstance(other, Saved)
    one, two = orjson.loads(new.body), orjson.loads(other.body)
    assert one.pop("complaint_id") != two.pop("complaint_id")
    assert one["labels"] == two["labels"]
    assert not new.replayed


def test_the_same_complaint_twice_at_once_is_saved_once(intake: Intake) -> None:
    begun = intake.begin_all([received("没人理我", 7), received("没人理我", 7)])
    first, second = map(settled, begun)
    assert isinstance(first, Saved)
    assert isinstance(second, Saved)
    assert [first.replayed, second.replayed] == [False, True]
    assert first.body == second.body


def test_one_that_cannot_be_counted_harms_no_other(intake: Intake) -> None:
    seen: list[str] = []

    def told(outcome: Any) -> None:
        seen.append(outcome.answer["complaint_id"])
        if len(seen) == 2:
            raise ZeroDivisionError

    watched = replace(intake, on_decided=told)
    found = [
        settled(one) for one in watched.begin_all([received("没人理我", 20 + n) for n in range(3)])
    ]
    assert [type(one) for one in found] == [Saved, ZeroDivisionError, Saved]
