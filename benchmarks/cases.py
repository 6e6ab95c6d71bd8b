"""Made-up cases with clocks, events, decisions and label records, straight into the tables.

Seeded: the same numbers give the same rows. No text is anybody's: each says only its number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from ulid import ULID

from benchmarks.answers import answered, decision
from benchmarks.reviews import Reviews, records
from data.taxonomy.schema import Head, Taxonomy
from serving.review.desk import Desk
from serving.store import audit
from serving.store.base import Base, insert_into
from serving.store.rows.cases import CaseRow, ClockRow
from serving.store.rows.outbox import CaseEventRow
from serving.store.tables import ComplaintRow, DecisionRow, LabelRecordRow
from serving.triage.policy import Policy

_AT_ONCE = 2_000
_SURGE_DAYS = 6
_BRANCHES = ("城东支行", "城西支行", "江北支行", "高新支行", "滨江支行", "开发区支行", "营业部")
_SEGMENTS = ("individual", "individual", "individual", "individual", "sole_trader", "corporate")
_CAUSES = ("system", "process", "fee", "staff", "disclosure")
_SATISFIED = ("satisfied", "satisfied", "neutral", "dissatisfied")
_PEOPLE = ("lin", "zhao", "sun", "qian")


@dataclass(frozen=True)
class Plan:
    """How many cases over how many days up to `end`, and how many of them people reviewed."""

    cases: int
    end: datetime
    days: int = 400
    reviewed: float = 0.1
    seed: int = 7
    waiting: float = 0.3
    """Share of the cases that are open and not reviewed that wait for it."""
    surge: float = 0.0
    """Share of the last six days' cases that concern one and the same thing."""
    texts: Sequence[str] = ()
    """What complaints say, in turn; their number where there is none."""
    model: str = "m2"
    """The model of the last sixty days."""


def fill(
    engine: Engine, plan: Plan, taxonomy: Taxonomy, policy: Policy, desk: Desk | None = None
) -> None:
    """Write the rows; a run over the same database twice would clash.

    With a desk also reviews, orders to departments and the audit trail.
    """
    maker = _Maker(plan, taxonomy, policy, desk)
    for start in range(0, plan.cases, _AT_ONCE):
        batch: dict[type[Base], list[dict[str, Any]]] = {}
        for number in range(start, min(start + _AT_ONCE, plan.cases)):
            for table, row in maker.rows(number):
                batch.setdefault(table, []).append(row)
        with engine.begin() as connection:
            for table, rows in batch.items():
                connection.execute(insert_into(table), rows)
            if desk is not None:
                told = [
                    record
                    for place, case in enumerate(batch[CaseRow])
                    for record in records(case, start + place)
                ]
                audit.append(Session(connection), told, plan.end)


class _Maker:
    def __init__(
        self, plan: Plan, taxonomy: Taxonomy, policy: Policy, desk: Desk | None = None
    ) -> None:
        self.plan, self.taxonomy, self.policy = plan, taxonomy, policy
        self.random = np.random.default_rng(plan.seed)
        self.departments = [item.code for item in policy.pack.departments.departments]
        self.flags = [flag.code for flag in policy.pack.rules.flags if not flag.hint]
        self.weights = {head.name: self._skewed(len(head.leaves)) for head in taxonomy.heads}
        self.reviews = Reviews(desk, np.random.default_rng(plan.seed + 1)) if desk else None

    def _skewed(self, n: int) -> Any:
        weights = 1.0 / (1 + np.arange(n)) ** 1.1
        return self.random.permutation(weights / weights.sum())

    def rows(self, number: int) -> Iterator[tuple[type[Base], dict[str, Any]]]:
        """All rows of one case, parents before children."""
        random, plan = self.random, self.plan
        age = float(random.random()) * plan.days
        received = plan.end - timedelta(days=age, seconds=number % 7)
        id_ = str(ULID.from_timestamp(received.timestamp()))
        codes = {head.name: self._code(head) for head in self.taxonomy.heads}
        surging = age < _SURGE_DAYS and random.random() < plan.surge
        if surging:
            codes = {head.name: head.leaves[-2] for head in self.taxonomy.heads}
        done = age > 1 and random.random() < min(0.98, age / 25)
        closed = received + timedelta(days=float(random.gamma(2.0, 4.0))) if done else None
        if closed is not None and closed > plan.end:
            closed = None
        case = self._case(number, id_, codes, received, closed)
        if surging:
            case["branch"] = _BRANCHES[0]
        complaint = self._complaint(number, id_, received, case)
        yield ComplaintRow, complaint
        clocks = list(self._clocks(id_, received, closed))
        answer = answered(case, codes, clocks, self.taxonomy, self.policy)
        yield DecisionRow, decision(case, answer)
        yield CaseRow, case
        for clock in clocks:
            yield ClockRow, clock
        for event in self._events(number, case):
            yield CaseEventRow, event
        if self.reviews is not None:
            yield from self.reviews.rows(number, case, answer, complaint["text"])
        if case["review"] == "done":
            for record in self._records(number, id_, codes, received, case["audit"]):
                yield LabelRecordRow, record

    def _code(self, head: Head) -> str:
        code = head.leaves[int(self.random.choice(len(head.leaves), p=self.weights[head.name]))]
        parent = head.by_code[code].parent
        return parent if parent is not None and self.random.random() < 0.05 else code

    def _pick(self, given: Sequence[str], none: float = 0.0) -> str | None:
        if not given or self.random.random() < none:
            return None
        return given[int(self.random.integers(len(given)))]

    def _fields(self, name: str) -> list[str]:
        codes = self.taxonomy.fields.get(name)
        return list(codes.codes) if codes else []

    def _case(
        self, number: int, id_: str, codes: dict[str, str], received: datetime,
        closed: datetime | None,
    ) -> dict[str, Any]:  # fmt: skip
        roles, random = self.policy.roles, self.random
        reviewed = random.random() < self.plan.reviewed
        waiting = not reviewed and closed is None and random.random() < self.plan.waiting
        accepted = received + timedelta(hours=float(random.random()) * 30)
        bounces = int(random.random() < 0.07) + int(random.random() < 0.01)
        return {
            "complaint_id": id_,
            "received_at": received,
            "source": self._pick(self._fields("source"), 0.02),
            "channel": self._pick(self._fields("channel"), 0.1),
            "branch": self._pick(_BRANCHES, 0.2),
            "segment": self._pick(_SEGMENTS, 0.05),
            "product": codes.get(roles.product or ""),
            "reason": codes.get(roles.reason or ""),
            "urgency": codes.get(roles.urgency or ""),
            "lead": self._pick(self.departments),
            "confidence": round(float(random.beta(8, 2)), 4),
            "automatic": not (reviewed or waiting),
            "audit": bool(reviewed and number % 3 == 0),
            "review": "done" if reviewed else "waiting" if waiting else "none",
            "reasons": ["low_confidence"] if waiting else [],
            "flags": [code for code in self.flags if random.random() < 0.03],
            "priority": round(float(random.random()), 4),
            "status": self._status(number, closed),
            "accepted_at": accepted if closed or accepted < self.plan.end else None,
            "resolved_at": closed,
            "bounces": bounces,
            "satisfaction": self._pick(_SATISFIED, 0.4) if closed else None,
            "decision_id": id_,
            "model_version": self.plan.model
            if received > self.plan.end - timedelta(days=60)
            else "m1",
            "policy_version": self.policy.stamp,
            "updated_at": closed or received,
        }

    def _status(self, number: int, closed: datetime | None) -> str:
        if closed is not None:
            return "withdrawn" if number % 50 == 0 else "resolved"
        return "accepted" if number % 2 else "open"

    def _complaint(
        self, number: int, id_: str, received: datetime, case: dict[str, Any]
    ) -> dict[str, Any]:
        texts = self.plan.texts
        return {
            "id": id_,
            "source": case["source"] or "",
            "external_id": f"B-{number}",
            "text": texts[number % len(texts)] if texts else f"合成投诉第{number}号",
            "fields": {"channel": case["channel"], "branch": case["branch"]},
            "fingerprint": f"{number:064d}",
            "received_at": received,
            "created_at": received,
        }

    def _clocks(
        self, id_: str, received: datetime, closed: datetime | None
    ) -> Iterator[dict[str, Any]]:
        for place, clock in enumerate(self.policy.pack.deadlines.clocks):
            limit = clock.limits[-1]
            if clock.extension or limit.when.model_dump(exclude_defaults=True):
                continue
            days = limit.amount if limit.unit.endswith("days") else 1
            strict = received + timedelta(days=days)
            due = strict + timedelta(days=2) if received.weekday() > 4 else strict
            short = received + timedelta(hours=float(self.random.random()) * 26)
            met = closed if place >= 3 else short if short < self.plan.end else None
            late = (met or self.plan.end) > due
            yield {
                "complaint_id": id_,
                "clock": clock.id,
                "statutory": clock.kind == "statutory",
                "extended": None,
                "started_at": received,
                "due_at": due,
                "strict_due_at": strict,
                "state": "breached" if late else "met" if met else "running",
                "met_at": met,
                "breached_at": due if late else None,
            }

    def _events(self, number: int, case: dict[str, Any]) -> Iterator[dict[str, Any]]:
        happened: list[tuple[str, Any, dict[str, Any]]] = [("accepted", case["accepted_at"], {})]
        happened += [("bounced", case["accepted_at"], {})] * case["bounces"]
        if case["status"] == "resolved":
            happened.append(("resolved", case["resolved_at"], {"root_cause": self._pick(_CAUSES)}))
        for place, (kind, at, body) in enumerate(happened):
            if at is not None:
                yield {
                    "id": str(ULID.from_timestamp(at.timestamp())),
                    "complaint_id": case["complaint_id"],
                    "kind": kind,
                    "at": at,
                    "recorded_at": at,
                    "who": "bench",
                    "department": case["lead"],
                    "source": "bench",
                    "event_id": f"{number}-{place}",
                    "fingerprint": f"{number:060d}{place:04d}",
                    "body": body,
                }

    def _records(
        self, number: int, id_: str, codes: dict[str, str], received: datetime, audit: bool
    ) -> Iterator[dict[str, Any]]:
        people = [_PEOPLE[number % 4]] + ([_PEOPLE[(number + 1) % 4]] if number % 5 == 0 else [])
        for who in people:
            for head in self.taxonomy.heads:
                said = codes[head.name]
                code = said if self.random.random() < 0.85 else self._code(head)
                yield {
                    "complaint_id": id_,
                    "head": head.name,
                    "code": code,
                    "role": "review",
                    "who": who,
                    "decided_at": received + timedelta(hours=5),
                    "recorded_at": received + timedelta(hours=5),
                    "model_code": said,
                    "bundle": "m1",
                    "via": "bench",
                    "selection": "audit_sample" if audit else "low_confidence",
                    "inclusion": 0.05 if audit else None,
                    "fingerprint": f"{number}-{who}-{head.name}",
                }


def now() -> datetime:
    """A moment in working hours, the same in every run."""
    return datetime(2026, 11, 20, 7, 30, tzinfo=UTC)
