"""The table of what may happen to a case."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from data.errors import InputError, WrongStateError
from serving.api.events import EventRequest
from serving.cases.machine import Machine, machine
from serving.triage.schema import Step

TOLD = "2026-06-03T09:00:00+08:00"


def test_every_step_that_a_clock_can_wait_for_is_proved_by_some_event() -> None:
    settled = set[str]().union(*(kind.settles for kind in machine().kinds.values()))
    assert settled == set(get_args(Step))


def test_the_answer_settles_every_step() -> None:
    """A resolved case leaves no clock running."""
    assert machine().kinds["resolved"].settles == set(get_args(Step))


@pytest.mark.parametrize(
    ("kind", "status", "allowed"),
    [
        ("accepted", "open", True),
        ("accepted", "accepted", False),
        ("resolved", "open", True),
        ("resolved", "resolved", False),
        ("bounced", "resolved", False),
        ("withdrawn", "withdrawn", False),
        ("opinion", "resolved", True),
        ("extended", "resolved", False),
    ],
)
def test_what_may_happen_when(kind: str, status: str, allowed: bool) -> None:
    if allowed:
        machine().check_status(kind, status)
    else:
        with pytest.raises(WrongStateError, match=f"this one is {status}"):
            machine().check_status(kind, status)


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        ("resolved", {}, "result"),
        ("resolved", {"result": "has blanks"}, "result"),
        ("resolved", {"result": "refunded", "reason": "x"}, "reason"),
        ("bounced", {"reason": "x" * 65}, "reason"),
        ("bounced", {"reason": "not_ours", "labels": {"product": 3}}, "labels"),
        ("extended", {"extension": "e", "approver": "a\nb", "told_at": TOLD}, "approver"),
        ("extended", {"extension": "e", "approver": "行长", "told_at": "soon"}, "told_at"),
        ("paused", {"why": "holiday", "told_at": TOLD}, "why"),
        ("paused", {"why": "mediation", "told_at": TOLD, "clocks": []}, "clocks"),
        ("opinion", {"satisfaction": "great"}, "satisfaction"),
        ("vanished", {}, "kind"),
    ],
)
def test_a_body_that_cannot_be_names_its_field(kind: str, body: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        machine().body(kind, body)
    assert caught.value.field == field


def test_a_body_is_kept_as_json_and_without_what_was_not_said() -> None:
    said = {"extension": "e", "approver": "行长", "told_at": TOLD, "clock": None}
    kept = machine().body("extended", said)
    assert kept == {"extension": "e", "approver": "行长", "told_at": TOLD}


@pytest.mark.parametrize(
    "kind",
    [{"name": "x", "to": "gone"}, {"name": "x", "from": ["gone"]}, {"name": "x", "may": ["gone"]}],
)
def test_a_table_that_names_what_is_not_there_is_refused(kind: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="gone"):
        Machine.model_validate({"statuses": ["open"], "kinds": {"k": kind}, "fields": {}})


def test_every_kind_and_field_is_documented() -> None:
    written = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
    for name in (*machine().kinds, *machine().fields):
        assert f"`{name}`" in written, name


def test_every_field_can_be_sent() -> None:
    assert set(machine().fields) <= set(EventRequest.model_fields)
