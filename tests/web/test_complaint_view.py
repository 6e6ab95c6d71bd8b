from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serving.cases.story import Timed
from serving.security.roles import Role, User
from serving.store.rows.cases import ClockRow
from serving.web.complaint_view import Words, _line, hides
from tests.triage.build import NOW


def timed(state: str = "running", **given: Any) -> Timed:
    row = ClockRow(
        complaint_id="c", clock="decide", statutory=True, extended=None, started_at=NOW,
        due_at=NOW + timedelta(days=10), strict_due_at=NOW + timedelta(days=10), state=state,
        met_at=None, breached_at=None,
    )  # fmt: skip
    for name, value in given.items():
        setattr(row, name, value)
    return Timed(row, "处理决定", "某办法", None, provisional=False)


@pytest.mark.parametrize(
    ("clock", "days", "share", "tone", "text", "state"),
    [
        (timed(), 0, 0.0, "blue", "还有 10 天", "running"),
        (timed(), 5, 0.5, "blue", "还有 5 天", "running"),
        (timed(), 7, 0.7, "blue", "还有 3 天", "running"),
        (timed(), 8, 0.8, "amber", "还有 2 天", "running"),
        (timed(), 12, 1.0, "red", "逾期 2 天", "breached"),
        (timed("breached"), 12, 1.0, "red", "逾期 2 天", "breached"),
        (timed("met", met_at=NOW + timedelta(days=4)), 99, 0.4, "green", "提前 6 天", "met"),
        (timed("breached", met_at=NOW + timedelta(days=13)), 99, 1.0, "red", "迟 3 天", "breached"),
        (timed("paused"), 5, 0.5, "grey", "中止计时", "paused"),
        (timed("void"), 5, 0.5, "grey", "不再计时", "void"),
        (timed(due_at=NOW), 0, 1.0, "red", "逾期 不足 1 分钟", "running"),
        (timed(strict_due_at=NOW + timedelta(days=7)), 5, 0.5, "amber", "还有 5 天", "running"),
    ],
)
def test_a_clock_as_a_bar(
    clock: Timed, days: int, share: float, tone: str, text: str, state: str
) -> None:
    line = _line(clock, None, NOW + timedelta(days=days))
    assert (line.share, line.tone, line.text, line.state) == (share, tone, text, state)


def test_quotes_are_cut_from_what_is_hidden_and_said_once() -> None:
    words = Words((), (), (), "电话＊＊＊8000没人接没人接")
    spots = [{"start": 0, "end": 6}, {"start": 2, "end": 4}, {"start": 9, "end": 12},
             {"start": 12, "end": 15}, {"start": 40, "end": 44}]  # fmt: skip
    assert words.quotes(spots) == ["电话＊＊＊8", "没人接"]
    assert words.quote({"start": 2, "end": 9}) == "＊＊＊8000"
    assert Words((), (), (), "").quotes(spots) == []


@pytest.mark.parametrize(
    ("role", "hidden"),
    [("reviewer", True), ("lead", False), ("admin", False), ("auditor", False)],
)
def test_only_reviewers_are_kept_blind(role: Role, hidden: bool) -> None:
    user = User("1", "x", "x", role)
    assert hides(True, user) is hidden
    assert hides(False, user) is False
