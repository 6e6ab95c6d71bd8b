from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.calendar import WorkCalendar
from serving.triage.types import Deadline
from tests.triage.build import SHANGHAI, decided, prediction


def clocks(
    received: datetime, text: str = "年费", urgency: str = "III", **fields: str
) -> dict[str, Deadline]:
    decision = decided(text, prediction(urgency=urgency), received_at=received, **fields)
    return {deadline.clock: deadline for deadline in decision.deadlines}


def at(year: int, month: int, day: int, hour: int = 10, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=SHANGHAI)


def end(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 23, 59, 59, tzinfo=SHANGHAI)


def test_the_day_of_receipt_is_not_counted() -> None:
    early, late = clocks(at(2026, 6, 3, 0, 1)), clocks(at(2026, 6, 3, 23, 59))
    assert early["decide"].strict_due_at == late["decide"].strict_due_at == end(2026, 6, 18)


def test_the_last_day_rolls_past_a_holiday() -> None:
    # 15 days after 2026-02-02 is 2026-02-17, Spring Festival (15 to 23 February).
    decide = clocks(at(2026, 2, 2))["decide"]
    assert decide.strict_due_at == end(2026, 2, 17)
    assert decide.due_at == end(2026, 2, 24)


def test_the_last_day_rolls_past_a_weekend() -> None:
    # 15 days after 2026-06-05 is Saturday the 20th; the 19th to 21st are the Dragon Boat holiday.
    decide = clocks(at(2026, 6, 5))["decide"]
    assert decide.strict_due_at == end(2026, 6, 20)
    assert decide.due_at == end(2026, 6, 22)


def test_extensions_are_marked_and_statutory() -> None:
    running = clocks(at(2026, 6, 3))
    assert running["decide_complex"].strict_due_at == end(2026, 7, 3)
    assert running["decide_special"].strict_due_at == end(2026, 8, 2)
    marked = {name for name, deadline in running.items() if deadline.extension}
    assert marked == {"decide_complex", "decide_special"}
    assert all(running[name].statutory for name in ("decide", *marked))
    assert not running["first_contact"].statutory


@pytest.mark.parametrize(
    ("urgency", "dispatch", "contact", "plan"),
    [
        ("I", timedelta(minutes=30), timedelta(hours=1), timedelta(hours=24)),
        ("II", timedelta(hours=2), timedelta(hours=24), None),
    ],
)
def test_internal_clocks_by_urgency(
    urgency: str, dispatch: timedelta, contact: timedelta, plan: timedelta | None
) -> None:
    received = at(2026, 6, 3)
    running = clocks(received, urgency=urgency)
    assert running["dispatch"].due_at == received + dispatch
    assert running["first_contact"].due_at == received + contact
    expected = received + plan if plan else end(2026, 6, 10)
    assert running["plan"].due_at == expected


def test_working_days_skip_the_swap() -> None:
    # Friday 2026-02-13; the 14th is worked (swap), the 15th to 23rd are the holiday.
    running = clocks(at(2026, 2, 13))
    assert running["first_contact"].due_at == end(2026, 2, 14)
    assert clocks(at(2026, 2, 14))["first_contact"].due_at == end(2026, 2, 24)


def test_hours_run_through_a_holiday() -> None:
    received = at(2026, 2, 17)
    assert clocks(received, urgency="I")["first_contact"].due_at == received + timedelta(hours=1)


def test_urgency_never_changes_a_statutory_clock() -> None:
    received = at(2026, 6, 3)
    due = {clocks(received, urgency=level)["decide"].due_at for level in ("I", "II", "III", "IV")}
    assert len(due) == 1


def test_the_central_bank_clock_runs_only_for_its_referrals() -> None:
    assert "pbc_answer" not in clocks(at(2026, 6, 3))
    running = clocks(at(2026, 6, 3), source="pbc")
    assert running["pbc_answer"].strict_due_at == end(2026, 6, 18)
    assert running["pbc_answer_extended"].extension
    assert "令〔2020〕第5号" in running["pbc_answer"].basis


def test_a_leak_starts_72_hours() -> None:
    received = at(2026, 6, 3)
    leak = clocks(received, text="你们泄露了我的个人信息")["leak_report"]
    assert leak.due_at == leak.strict_due_at == received + timedelta(hours=72)
    assert "leak_report" not in clocks(received, text="担心信息泄露")


def test_an_inquiry_keeps_all_clocks() -> None:
    decision = decided("营业时间", prediction("B9902", "C99", "IV"))
    assert {"first_contact", "decide"} <= {deadline.clock for deadline in decision.deadlines}


def test_time_is_reckoned_in_shanghai() -> None:
    # 17:00 UTC is 01:00 of the next day there.
    running = clocks(datetime(2026, 6, 2, 17, 0, tzinfo=UTC))
    assert running["decide"].strict_due_at == end(2026, 6, 18)
    naive = clocks(datetime(2026, 6, 3, 9, 0))
    assert naive["decide"].strict_due_at == end(2026, 6, 18)


def test_an_unpublished_year_is_provisional() -> None:
    running = clocks(at(2026, 12, 28))
    assert running["decide"].provisional
    assert running["decide"].strict_due_at == end(2027, 1, 12)
    assert not clocks(at(2026, 6, 3))["decide"].provisional
    assert not clocks(at(2026, 12, 28), urgency="I")["first_contact"].provisional


@given(st.datetimes(datetime(2004, 1, 1), datetime(2090, 1, 1)))
@settings(max_examples=60)
def test_always_later_than_receipt_and_never_before_strict(received: datetime) -> None:
    when = received.replace(tzinfo=SHANGHAI)
    for deadline in clocks(when, source="pbc", text="泄露个人信息").values():
        assert deadline.due_at >= deadline.strict_due_at > when
        assert deadline.basis
        assert deadline.due_at.date() - deadline.strict_due_at.date() <= timedelta(days=12)


def test_rolling_ends_on_a_day_that_is_worked() -> None:
    calendar = WorkCalendar()
    for offset in range(0, 365, 3):
        when = at(2025, 1, 1) + timedelta(days=offset)
        assert calendar.is_working_day(clocks(when)["decide"].due_at.date())
    assert not calendar.is_working_day(date(2025, 10, 1))
