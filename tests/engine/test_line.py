from __future__ import annotations

import math
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from serving.engine.laps import Laps
from serving.engine.line import Line
from serving.engine.ticket import JointWork, Ticket, Work


def tickets(deadlines: Sequence[float]) -> list[Ticket[None]]:
    return [Ticket(lambda _: None, d, i, Laps()) for i, d in enumerate(deadlines)]


DEADLINES = st.lists(st.integers(0, 5).map(float), max_size=20)


@given(DEADLINES)
def test_what_is_due_first_comes_first_and_among_equals_who_came_first(due: list[float]) -> None:
    line = Line()
    line.put(tickets(due))
    taken = [ticket for _ in due for ticket in line.take(0.0)]
    assert [(t.deadline, t.number) for t in taken] == sorted((d, i) for i, d in enumerate(due))
    assert not line.take(0.0)


@given(DEADLINES, st.integers(0, 6).map(float))
def test_those_due_no_later_are_counted(due: list[float], deadline: float) -> None:
    line = Line()
    line.put(tickets(due))
    assert line.before(deadline) == sum(d <= deadline for d in due)


@given(DEADLINES, st.data())
def test_only_the_one_removed_is_missing(due: list[float], data: st.DataObject) -> None:
    line, waiting = Line(), tickets(due)
    line.put(waiting)
    gone = data.draw(st.lists(st.sampled_from(waiting), unique_by=id)) if waiting else []
    assert all(line.remove(ticket) for ticket in gone)
    assert not any(line.remove(ticket) for ticket in gone)
    assert {id(t) for t in line.clear()} == {id(t) for t in waiting} - {id(t) for t in gone}
    assert len(line) == 0


class _Joint(JointWork[None]):
    def together(self, works: Sequence[JointWork[None]], laps: Sequence[Laps]) -> list[None]:
        return [None for _ in works]


@given(st.lists(st.booleans(), max_size=20), st.integers(1, 4), st.integers(1, 8))
def test_nobody_takes_more_than_a_fair_share_nor_what_does_not_belong_together(
    kinds: list[bool], among: int, most: int
) -> None:
    line = Line()
    works: list[Work[None]] = [_Joint() if joint else (lambda _: None) for joint in kinds]
    waiting = [Ticket(work, 0.0, at, Laps()) for at, work in enumerate(works)]
    line.put(waiting)
    order: list[Ticket[None]] = []
    while left := len(line):
        taken = line.take(0.0, among=among, most=most)
        assert 1 <= len(taken) <= max(1, min(most, math.ceil(left / among)))
        assert len(taken) == 1 or all(isinstance(ticket.work, _Joint) for ticket in taken)
        order += taken
    assert order == waiting
