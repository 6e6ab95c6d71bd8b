from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from serving.engine.laps import Laps
from serving.engine.line import Line
from serving.engine.ticket import Ticket


def tickets(deadlines: Sequence[float]) -> list[Ticket[None]]:
    return [Ticket(lambda _: None, d, i, Laps()) for i, d in enumerate(deadlines)]


DEADLINES = st.lists(st.integers(0, 5).map(float), max_size=20)


@given(DEADLINES)
def test_what_is_due_first_comes_first_and_among_equals_who_came_first(due: list[float]) -> None:
    line = Line()
    line.put(tickets(due))
    taken = [line.take(0.0) for _ in due]
    assert [(t.deadline, t.number) for t in taken if t] == sorted((d, i) for i, d in enumerate(due))
    assert line.take(0.0) is None


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
