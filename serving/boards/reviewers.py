"""Reviewers (复核人员): who did how much, and how far two people agree about one text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import combinations

import numpy as np

from serving.boards.epoch import day_number, day_of
from serving.boards.estimates import Share, wilson
from serving.boards.facts import Bools, Ints
from serving.boards.judged import Judged
from serving.boards.view import View
from serving.review.kappa import Kappa, kappa_of


@dataclass(frozen=True, slots=True)
class Reviewer:
    """One person: complaints judged, on how many days, and how often the model was corrected."""

    who: str
    complaints: int
    days: int
    corrected: Share

    @property
    def per_day(self) -> float:
        """Complaints on a day of work."""
        return self.complaints / self.days if self.days else 0.0


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two people's first opinions of one text agree, on one head; None without any pair."""

    head: str
    title: str
    kappa: Kappa | None


@dataclass(frozen=True, slots=True)
class Reviewers:
    """The people of some days, who did most first."""

    people: tuple[Reviewer, ...]
    agreement: tuple[Agreement, ...]
    by_day: tuple[tuple[date, int], ...]


def reviewers(view: View, first: date, end: date) -> Reviewers:
    """What was judged from `first` up to `end`."""
    judged = view.board.judged
    days = view.days(judged.at)
    inside = (days >= day_number(first)) & (days < day_number(end))
    inside &= view.facts.rows_of(judged.subject) >= 0
    people = [_person(judged, days, inside, who) for who in range(len(judged.who.codes))]
    people = [person for person in people if person.complaints]
    people.sort(key=lambda person: (-person.complaints, person.who))
    return Reviewers(
        tuple(people),
        tuple(_agreement(view, head, inside) for head in _heads(view)),
        tuple(_by_day(judged, days, inside, first, end)),
    )


def _person(judged: Judged, days: Ints, inside: Bools, who: int) -> Reviewer:
    rows = np.flatnonzero(inside & (judged.who.values == who))
    known = rows[judged.model_code.values[rows] >= 0]
    return Reviewer(
        judged.who.codes[who],
        len(np.unique(judged.subject[rows])),
        len(np.unique(days[rows])),
        wilson(int(judged.changed(known).sum()), len(known)),
    )


def _by_day(
    judged: Judged, days: Ints, inside: Bools, first: date, end: date
) -> Iterator[tuple[date, int]]:  # fmt: skip
    for number in range(day_number(first), day_number(end)):
        rows = inside & (days == number)
        yield day_of(number), len(np.unique(judged.subject[rows]))


def _heads(view: View) -> list[str]:
    """Heads that were judged, in the order of the axes."""
    order = [axis.head.name for axis in view.axes.by_name.values() if axis.head is not None]
    there = set(view.board.judged.heads)
    return [head for head in order if head in there] + sorted(there - set(order))


def _agreement(view: View, head: str, inside: Bools) -> Agreement:
    judged = view.board.judged
    wanted = judged.head.isin(frozenset({head})) & judged.role.isin(frozenset({"review"})) & inside
    opinions: dict[bytes, dict[int, str]] = {}
    for row in np.flatnonzero(wanted):
        code = judged.code.codes[judged.code.values[row]]
        # A person's first opinion; what they say after seeing another's is no second opinion.
        opinions.setdefault(bytes(judged.subject[row]), {}).setdefault(
            int(judged.who.values[row]), code
        )
    pairs = [
        (said[a], said[b]) for said in opinions.values() for a, b in combinations(sorted(said), 2)
    ]
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    return Agreement(head, title_of(view, head), kappa_of(first, second))


def title_of(view: View, head: str) -> str:
    """What people call a head."""
    for axis in view.axes.by_name.values():
        if axis.head is not None and axis.head.name == head:
            return axis.title
    return head
