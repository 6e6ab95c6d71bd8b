"""Where a text's time went."""

from __future__ import annotations

from serving.engine.laps import Laps


def test_what_was_ahead_belongs_to_the_next_phase() -> None:
    times = iter([0.0, 1.0, 4.0, 4.5])
    laps = Laps(lambda: next(times))
    laps.lap("prepare")
    laps.lap("infer", ahead=1.25)
    laps.lap("decide")
    assert laps.seconds == {"prepare": 1.0, "infer": 1.75, "decide": 1.75}


def test_no_phase_ends_before_it_began() -> None:
    times = iter([0.0, 1.0, 2.0])
    laps = Laps(lambda: next(times))
    laps.lap("infer", ahead=5.0)
    laps.lap("decide")
    assert laps.seconds == {"infer": 0.0, "decide": 2.0}
