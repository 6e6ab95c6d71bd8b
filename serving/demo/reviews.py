"""The demo's reviewers: they mostly say what the complaint is, and sometimes do not."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from sqlalchemy.orm import Session

from data.errors import InputError
from serving.demo.story import ZONE
from serving.review import claims, listing, skipping
from serving.review.answers import model_answer
from serving.review.choice import Choice
from serving.review.desk import Desk, Reviewer
from serving.review.submit import submit
from serving.review.wanted import Wanted
from serving.store.rows.review import ItemRow

BEGIN, END = time(9, 0), time(17, 30)
_AGREES_BLINDLY, _SKIPS = 0.06, 0.01
_SECONDS, _CLEARING = 0.12, 0.4
_OLD = Wanted(hours=60)
_EVERYTHING, _DOUBLES, _DISPUTED = Wanted(), Wanted(kind="double"), Wanted(kind="adjudication")


@dataclass
class Office:
    """Who reviews what; `truth` are the labels by complaint, `left` what stays in the queue."""

    desk: Desk
    people: list[Reviewer]
    truth: Mapping[str, Mapping[str, str]]
    draw: random.Random
    left: int = 60
    done: int = 0
    busy: dict[str, datetime] = field(default_factory=dict)

    def work(self, session: Session, day: datetime, share: float) -> None:
        """One day of everybody's, within the session's transaction; `share` of it is worked."""
        local = day.astimezone(ZONE).date()
        for person in self.people:
            begin = datetime.combine(local, BEGIN, tzinfo=ZONE)
            span = (datetime.combine(local, END, tzinfo=ZONE) - begin) * share
            now: datetime | None = begin + timedelta(seconds=self.draw.randrange(900))
            while now is not None and now < begin + span and self._much(session, person, now):
                now = self._one(session, person, now)

    def _much(self, session: Session, person: Reviewer, now: datetime) -> bool:
        """Whether there is more than is to be left; leads leave nothing."""
        wanted, left = (_DISPUTED, 0) if person.lead else (_EVERYTHING, self.left)
        return listing.waiting(session, self.desk, person, wanted, now, left + 1) > left

    def _one(self, session: Session, person: Reviewer, now: datetime) -> datetime | None:
        wanted = _DISPUTED if person.lead else self._choice()
        item = claims.claim_next(session, self.desk, person, now, wanted, draw=self.draw.random)
        if item is None:
            return now + timedelta(minutes=10) if wanted in (_DOUBLES, _OLD) else None
        seconds = min(self.draw.lognormvariate(3.9, 0.6), 280)
        then = now + timedelta(seconds=seconds)
        if self.draw.random() < _SKIPS:
            skipping.skip(session, person, item.id, None, "unclear", None, then)
        else:
            self._say(session, person, item, then)
            self.done += 1
        return then + timedelta(seconds=self.draw.randrange(5, 900))

    def _choice(self) -> Wanted:
        """What somebody turns to: now and then to what has waited for long."""
        drawn = self.draw.random()
        if drawn < _SECONDS:
            return _DOUBLES
        return _OLD if drawn < _SECONDS + _CLEARING else _EVERYTHING

    def _say(self, session: Session, person: Reviewer, item: ItemRow, now: datetime) -> None:
        model = model_answer(session, item)
        told = {
            head: label["leaf"] if label.get("leaf") else label["code"]
            for head, label in model["labels"].items()
        }
        truth = self.truth.get(item.complaint_id, {})
        careless = self.draw.random() < _AGREES_BLINDLY
        labels = {head: told[head] if careless else truth.get(head, told[head]) for head in told}
        try:
            submit(session, self.desk, person, item.id, Choice(labels), now)
        except InputError as error:
            if error.field != "why_below":
                raise
            why = Choice(labels, why_below="客户仅转述，本人并无此意")
            submit(session, self.desk, person, item.id, why, now)
