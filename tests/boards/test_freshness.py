"""Boards see every change of a case, whoever made it, and stand ready while nobody asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import sleep

import numpy as np
import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session, sessionmaker

from benchmarks.cases import Plan, fill
from data.snapshot.record import LabelRecord
from data.taxonomy.load import load
from serving.boards.errors import GatheringError
from serving.boards.facts import NONE
from serving.boards.filter import CaseFilter
from serving.boards.judged import claimed, read_judged
from serving.boards.keeper import Keeper, keeping
from serving.boards.live import Board, Live
from serving.boards.reading import read, read_ids
from serving.boards.recount import Recounts
from serving.boards.view import View
from serving.cases.events import Event, locked, record
from serving.store import labels
from serving.store.cases import redecided
from serving.store.database import connect, migrate
from serving.store.review import blank
from serving.store.rows.cases import CaseRow
from tests.boards.kit import NOW, policy_of, view_of
from tests.engine.kit import until

PAST = NOW - timedelta(days=3)


@pytest.fixture
def store(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    migrate(engine)
    fill(engine, Plan(40, PAST, 30, reviewed=0.2, waiting=1.0), load(), policy_of(load()))
    yield engine
    engine.dispose()


def one(session: Session, **wanted: str) -> CaseRow:
    found = session.scalars(select(CaseRow).filter_by(**wanted)).first()
    assert found is not None
    return found


def by_attribute(session: Session) -> None:
    one(session).lead = "elsewhere"


def by_statement(session: Session) -> None:
    some = one(session).complaint_id
    session.execute(update(CaseRow).where(CaseRow.complaint_id == some).values(lead="elsewhere"))


def by_event(session: Session) -> None:
    case = one(session, status="accepted")
    record(session, Event(case.complaint_id, "bounced", "x", body={"reason": "other"}), NOW)


def by_decision(session: Session) -> None:
    case = one(session)
    answer = {
        "labels": {}, "flags": [], "deadlines": [],
        "routing": {"branch": None, "lead": {"code": "elsewhere"}},
        "versions": {"model": "m9", "policy": "p9"},
    }  # fmt: skip
    redecided(session, case, answer, case.decision_id, policy_of(load()).roles, NOW)


def by_erasure(session: Session) -> None:
    blank(session, [one(session, review="waiting").complaint_id])


@pytest.mark.parametrize("change", [by_attribute, by_statement, by_event, by_decision, by_erasure])
def test_every_writer_says_when_it_changed_a_case(store: Engine, change: object) -> None:
    with Session(store) as session:
        before = dict(session.execute(select(CaseRow.complaint_id, CaseRow.updated_at)).all())
    with Session(store) as session, session.begin():
        change(session)  # type: ignore[operator]
    with Session(store) as session:
        after = dict(session.execute(select(CaseRow.complaint_id, CaseRow.updated_at)).all())
    moved = [id_ for id_, at in after.items() if at != before[id_]]
    assert len(moved) == 1
    assert after[moved[0]] >= NOW


def test_to_lock_a_case_is_no_change(store: Engine) -> None:
    with Session(store) as session, session.begin():
        case = one(session)
        before = case.updated_at
        assert locked(session, case.complaint_id).updated_at == before


def looked(live: Live) -> View:
    return view_of(live.board(), load())


def test_what_was_counted_is_shown_until_it_is_counted_anew(
    store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.boards.live.SMALL", 0)
    monkeypatch.setattr("serving.boards.recount.SMALL", 0)
    clock = [datetime.now(UTC)]
    live = Live(sessionmaker(store), lambda: clock[0])
    live.tended = True
    recounts = Recounts(lambda: clock[0])
    keeper = Keeper(live, recounts)

    def bounced(view: View) -> int:
        return view.count(CaseFilter().plus(lead="elsewhere")).n

    def shown() -> int:
        view, n = recounts.get("k", lambda: looked(live), bounced)
        assert not len(view.facts)
        return n

    assert shown() == 0
    with Session(store) as session, session.begin():
        one(session).lead = "elsewhere"
    clock[0] += timedelta(seconds=30)
    assert shown() == 0
    keeper.turn()
    assert shown() == 1
    with Session(store) as session, session.begin():
        session.scalars(select(CaseRow).where(CaseRow.lead != "elsewhere")).first().lead = (  # type: ignore[union-attr]
            "elsewhere"
        )
    # Where nobody counts anew, an old one is not shown.
    clock[0] += timedelta(minutes=2)
    live.tended = False
    assert shown() == 2


def test_a_keeper_reads_at_once_and_ends_when_told(store: Engine) -> None:
    live = Live(sessionmaker(store), lambda: datetime.now(UTC))
    # An application of another test may still have its own.
    others = set(threading.enumerate())
    read = threading.Event()
    recounts = Recounts(lambda: datetime.now(UTC))
    renewed = recounts.renew

    def told() -> None:
        renewed()
        read.set()

    recounts.renew = told  # type: ignore[method-assign]
    with keeping(Keeper(live, recounts, every=0.01)):
        assert read.wait(20)
        assert live.tended
    assert not live.tended
    left = {thread.name for thread in set(threading.enumerate()) - others}
    assert "suda-boards" not in left


def test_a_keeper_told_to_stop_while_it_rests_does_not_sleep_on(store: Engine) -> None:
    """Nobody asks, so that its next turn would come in half a minute."""
    keeper = Keeper(
        Live(sessionmaker(store), lambda: datetime.now(UTC)),
        Recounts(lambda: datetime.now(UTC)),
        every=30.0,
        on_read=(read := threading.Event()).set,
    )
    keeper.start()
    assert read.wait(20)
    stopping = threading.Thread(target=keeper.stop)
    stopping.start()
    stopping.join(10)
    assert not stopping.is_alive()


def test_while_everything_is_read_for_the_first_time_nobody_waits(
    store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.boards.live._PATIENCE", 0.0)
    live = Live(sessionmaker(store), lambda: datetime.now(UTC))
    # Nobody reads it for them: then they do it themselves.
    assert len(live.board(wait=False).facts) == 40
    live = Live(sessionmaker(store), lambda: datetime.now(UTC))
    live.tended = True
    with pytest.raises(GatheringError):
        live.board(wait=False)
    recounts = Recounts(lambda: datetime.now(UTC))
    with pytest.raises(GatheringError):
        recounts.get("k", lambda: view_of(live.board(wait=False), load()), lambda v: len(v.facts))
    Keeper(live, recounts).turn()
    assert len(live.board(wait=False).facts) == 40


class Flood(Live):
    """Every turn finds one case more."""

    def __init__(self) -> None:
        self.tended, self.turns = False, 0

    def board(self, *, fresh: bool = False, wait: bool = True) -> Board:
        self.turns += 1
        return None  # type: ignore[return-value]

    def complete(self) -> None:
        pass

    @property
    def size(self) -> int:
        return self.turns


def test_a_flood_that_nobody_looks_at_is_not_read_until_somebody_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("serving.boards.keeper._IDLE", 0.001)
    monkeypatch.setattr("serving.boards.keeper._UNSEEN", 5)
    live, time = Flood(), [0.0]
    keeper = Keeper(live, Recounts(lambda: NOW), every=0.001, timer=lambda: time[0])
    with keeping(keeper):
        until(lambda: live.turns == 6)
        sleep(0.1)
        assert live.turns == 6
        keeper.asked()
        until(lambda: live.turns > 100)
        time[0] = 601.0
        # What came while somebody looked does not count.
        counted = live.turns
        until(lambda: live.turns >= counted + 5)
        sleep(0.1)
        assert live.turns <= counted + 10


class Pieces(Live):
    """A reading in three pieces, of which each takes an hour."""

    def __init__(self, time: list[float]) -> None:
        self.tended, self.read, self.time = False, 0, time

    def board(self, *, fresh: bool = False, wait: bool = True) -> Board:
        for _ in range(3):
            self.read += 1
            self.time[0] += 3600.0
            self.between()
        return None  # type: ignore[return-value]

    def complete(self) -> None:
        pass

    @property
    def size(self) -> int:
        return 0


def test_while_nobody_looks_a_reading_rests_between_its_pieces() -> None:
    """Three hours after each; whoever looks has it go on, and so has the end."""
    time = [0.0]
    live = Pieces(time)
    keeper = Keeper(
        live,
        Recounts(lambda: NOW),
        every=3600.0,
        timer=lambda: time[0],
        on_read=(read := threading.Event()).set,
    )
    with keeping(keeper):
        until(lambda: live.read == 1)
        sleep(0.1)
        assert live.read == 1
        # Somebody else's reading is somebody's who waits.
        live.board()
        assert (live.read, read.is_set()) == (4, False)
        keeper.asked()
        assert read.wait(20)
        assert live.read == 6
    time = [0.0]
    live = Pieces(time)
    with keeping(Keeper(live, Recounts(lambda: NOW), timer=lambda: time[0])):
        until(lambda: live.read == 1)
    assert live.read == 1


def test_what_is_too_old_to_show_is_waited_for_a_moment(
    store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.boards.live.SMALL", 0)
    clock = [datetime.now(UTC)]
    live = Live(sessionmaker(store), lambda: clock[0])
    live.tended = True
    live.board()
    clock[0] += timedelta(seconds=59)
    assert live.board(wait=False).as_of < clock[0]
    clock[0] += timedelta(seconds=1)
    monkeypatch.setattr("serving.boards.live._PATIENCE", 0.0)
    with pytest.raises(GatheringError):
        live.board(wait=False)
    monkeypatch.setattr("serving.boards.live._PATIENCE", 20.0)
    looking = threading.Thread(target=lambda: shown.append(live.board(wait=False)))
    shown: list[Board] = []
    looking.start()
    live.board(fresh=True)
    looking.join(20)
    assert [board.as_of for board in shown] == [clock[0]]


def test_how_sure_the_model_was_is_looked_up_after_the_first_reading(store: Engine) -> None:
    with Session(store) as session:
        whole = read_judged(session)
    assert np.isfinite(whole.confidence).any()
    live = Live(sessionmaker(store), lambda: datetime.now(UTC))
    live.tended = True
    first = live.board()
    assert len(first.judged) == len(whole)
    with pytest.raises(GatheringError):
        _ = first.judged.confidence
    more = LabelRecord(
        subject=whole.subject[0].decode(), head="reason", code="C03", who="anna", decided_at=NOW,
        role="review", via="tests", model_code=None,
    )  # fmt: skip
    with Session(store) as session, session.begin():
        labels.append(session, [more], NOW)
    # A record that came since does not come to stand without it, nor in the place of another.
    assert live.board(fresh=True).judged.claims is None
    live.complete()
    judged = live.board().judged
    assert len(judged) == len(whole) + 1
    np.testing.assert_array_equal(judged.confidence[:-1], whole.confidence)
    assert np.isnan(judged.confidence[-1])


def test_claims_of_very_many_are_those_of_each(
    store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Session(store) as session:
        whole = read_judged(session)
        monkeypatch.setattr("serving.boards.judged._SUBJECTS_AT_ONCE", 3)
        np.testing.assert_array_equal(claimed(session, whole), whole.confidence)
        np.testing.assert_array_equal(claimed(session, whole, 5), whole.confidence[5:])


def test_causes_are_read_for_all_and_for_some(store: Engine) -> None:
    with Session(store) as session:
        every = read(session)
        told = every["cause"].counts()
        assert set(told) > {NONE}
        rows = np.flatnonzero(every["cause"].values >= 0)[:3]
        some = read_ids(session, [every.id(int(row)) for row in rows])
        since = read(session, CaseRow.status == "resolved")
    names = np.array([*every["cause"].codes])
    assert [some["cause"].codes[v] for v in some["cause"].values] == list(
        names[every["cause"].values[rows]]
    )
    resolved = every.take(every["status"].isin(frozenset({"resolved"})))
    assert since["cause"].counts() == resolved["cause"].counts()
