"""What the demo's departments do with a case, and when."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from serving.cases.events import Event
from serving.store.rows.cases import CaseRow

# Hours to accept and days to resolve, by lognormal medians; the slow ones run out of their clocks.
_ACCEPT_HOURS, _RESOLVE_DAYS = 1.1, 5.5
_BOUNCED, _EXTENDED, _WITHDRAWN, _RATED = 0.05, 0.6, 0.01, 0.55
# Whoever takes longer than this asks for an extension, mostly.
_LONG = timedelta(days=11)
_SATISFACTION = ("very_satisfied", "satisfied", "neutral", "dissatisfied")
_RATES = (0.3, 0.42, 0.15, 0.13)
_RESULTS = ("解释说明", "退还费用", "更正信息", "致歉和解", "维持原处理")
_SHARES = (3, 2, 1, 1, 1)
_CAUSES = ("流程缺陷", "系统缺陷", "人员操作", "信息披露不足", "外包管理", "客户误解")


def course(
    case: CaseRow, others: Sequence[str], extension: str | None, draw: random.Random
) -> Iterator[tuple[datetime, Event]]:
    """What will happen to a case that stands as it was decided, in order of time.

    `others` are departments it may be sent on to, `extension` the clock that allows more days.
    """
    hurry = 0.3 if case.priority > 0.6 else 1.0
    now = case.received_at + timedelta(hours=draw.lognormvariate(0, 0.9) * _ACCEPT_HOURS * hurry)
    if others and draw.random() < _BOUNCED:
        suggested = draw.choice(others)
        body = {"reason": "不属本部门职责", "suggested": suggested}
        yield now, _event(case, "bounced", body)
        now += timedelta(hours=draw.uniform(2, 30))
    yield now, _event(case, "accepted")
    now += timedelta(hours=draw.lognormvariate(0, 0.8) * 6 * hurry)
    yield now, _event(case, "contacted")
    if draw.random() < _WITHDRAWN:
        yield now + timedelta(hours=3), _event(case, "withdrawn")
        return
    end = now + timedelta(days=draw.lognormvariate(0, 0.6) * _RESOLVE_DAYS * hurry)
    yield now + (end - now) * 0.4, _event(case, "planned")
    if extension and end - case.received_at > _LONG and draw.random() < _EXTENDED:
        told = case.received_at + _LONG
        body = {"extension": extension, "approver": "消保负责人", "told_at": told.isoformat()}
        yield told, _event(case, "extended", body)
    result = {"result": draw.choices(_RESULTS, _SHARES)[0], "root_cause": draw.choice(_CAUSES)}
    yield end, _event(case, "resolved", result)
    if draw.random() < _RATED:
        said = {"satisfaction": draw.choices(_SATISFACTION, _RATES)[0]}
        yield end + timedelta(hours=draw.uniform(1, 72)), _event(case, "opinion", said)


def _event(case: CaseRow, kind: str, body: dict[str, Any] | None = None) -> Event:
    return Event(case.complaint_id, kind, "演示部门", department=case.lead, body=body or {})
