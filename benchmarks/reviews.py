"""Made-up reviews, work orders and traces of what people did, for made-up cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

import numpy as np
from ulid import ULID

from serving.review.desk import Desk
from serving.review.opening import DONE, FIRST, OPEN, SECOND, first_item
from serving.review.signature import SAID, bands, said
from serving.security.audit import Record
from serving.store.base import Base
from serving.store.rows.outbox import OutboxRow
from serving.store.rows.review import ActRow, BandRow, ItemRow

Rows = Iterator[tuple[type[Base], dict[str, Any]]]

_PEOPLE = ("lin", "zhao", "sun", "qian")
# Of so many complaints one says what others said before; the rest share no words with any.
_ALIKE = 3
_DOUBLED = 20
_DEAD = 500


@dataclass(frozen=True)
class Reviews:
    """Rows of the review of a case, given with its answer and its words."""

    desk: Desk
    random: np.random.Generator

    def rows(self, number: int, case: Mapping[str, Any], answer: dict[str, Any], text: str) -> Rows:
        """Items, signatures and acts of a case that people see; the order to its department."""
        yield OutboxRow, _order(number, case)
        if case["review"] == "none":
            return
        reasons = ["audit_sample"] if case["audit"] else case["reasons"] or ["low_confidence"]
        item = first_item(
            case["complaint_id"],
            case["received_at"],
            answer,
            reasons,
            self.desk,
            case["received_at"],
        )
        codes = {head: label["code"] for head, label in answer["labels"].items()}
        done = case["review"] == "done"
        for row in self._items(number, item, codes, case) if done else [_blank(item)]:
            yield ItemRow, row
            if row["state"] == DONE:
                yield from _acts(row)
        for band, key in enumerate(_keys(text)):
            alone = number if number % _ALIKE else 0
            yield BandRow, _band(case, key ^ alone << 8, band)
        if done:
            yield BandRow, _band(case, said(codes), SAID)

    def _items(
        self,
        number: int,
        item: dict[str, Any],
        codes: dict[str, str],
        case: Mapping[str, Any],
    ) -> Iterator[dict[str, Any]]:
        at = case["received_at"] + timedelta(hours=float(self.random.random()) * 20)
        first = {**_blank(item), **_submitted(number, codes, at)}
        yield first
        if number % _DOUBLED == 0:
            labels = dict(codes)
            if self.random.random() < 0.2:
                head = self.desk.taxonomy.heads[number % len(self.desk.taxonomy.heads)]
                labels[head.name] = head.leaves[0]
            yield {
                **first,
                "id": str(ULID.from_timestamp(at.timestamp())),
                "round": SECOND,
                "blind": True,
                "first_id": first["id"],
                "first_by": first["submitted_by"],
                **_submitted(number + 1, labels, at + timedelta(hours=3)),
            }


def records(case: Mapping[str, Any], number: int) -> Iterator[Record]:
    """What the audit trail holds of a case."""
    subject = f"complaint:{case['complaint_id']}"
    if case["review"] == "done":
        who = f"user:{_PEOPLE[number % len(_PEOPLE)]}"
        yield Record(who, "labels.recorded", subject, {"role": "review", "round": FIRST})
    if case["status"] != "open":
        yield Record("key:bench", "case.accepted", subject, {"number": number})
    if number % 10 == 0:
        yield Record("user:lin", "complaint.revealed", subject, {})


def _submitted(number: int, labels: dict[str, str], at: Any) -> dict[str, Any]:
    return {
        "state": DONE,
        "submitted_by": _PEOPLE[number % len(_PEOPLE)],
        "submitted_at": at,
        "labels": labels,
        "changed": [],
        "version": 3,
    }


_EMPTY = (
    "first_id", "second_id", "first_by", "second_by", "claimed_by", "claimed_at", "lease_until",
    "suggestion", "submitted_by", "submitted_at", "labels", "changed", "before_id", "decision_id",
    "bulk_id",
)  # fmt: skip


def _blank(item: dict[str, Any]) -> dict[str, Any]:
    return {**dict.fromkeys(_EMPTY), **item, "state": OPEN}


def _acts(item: dict[str, Any]) -> Rows:
    for kind, before in (("claimed", 90), ("submitted", 0)):
        body: dict[str, Any] = {"version": item["version"], "round": item["round"]}
        yield (
            ActRow,
            {
                "item_id": item["id"],
                "complaint_id": item["complaint_id"],
                "kind": kind,
                "who": item["submitted_by"],
                "at": item["submitted_at"] - timedelta(seconds=before),
                "reason": None,
                "note": None,
                "body": body | {"seconds": 90} if kind == "submitted" else body,
            },
        )


def _order(number: int, case: Mapping[str, Any]) -> dict[str, Any]:
    at = case["received_at"]
    dead = number % _DEAD == 0
    return {
        "id": str(ULID.from_timestamp(at.timestamp())),
        "complaint_id": case["complaint_id"],
        "decision_id": case["decision_id"],
        "department": case["lead"],
        "kind": "order",
        "part": "lead",
        "state": "dead" if dead else "delivered",
        "attempts": 8 if dead else 1,
        "created_at": at,
        "next_at": at,
        "lease": None,
        "done_at": at,
        "status": 500 if dead else 200,
        "error": "500" if dead else None,
    }


@lru_cache(maxsize=20_000)
def _keys(text: str) -> tuple[int, ...]:
    return bands(text)


def _band(case: Mapping[str, Any], key: int, band: int) -> dict[str, Any]:
    return {"key": key, "complaint_id": case["complaint_id"], "band": band}
