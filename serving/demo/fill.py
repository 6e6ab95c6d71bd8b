"""Fill an empty store with the demo's quarter: complaints, reviews, what departments did."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from ulid import ULID

from data.errors import ConflictError, SudaError
from data.labelled import LabelledText
from serving.api.recording import record_decisions
from serving.cases import desk as case_desk
from serving.cases.events import Event
from serving.cases.sweep import sweep
from serving.demo.handling import course
from serving.demo.mark import MARK
from serving.demo.reviews import Office
from serving.demo.story import ZONE, Scene, scenes
from serving.pipeline import Pipeline
from serving.review import opening
from serving.review.desk import Desk, Reviewer, Terms
from serving.settings import Settings
from serving.store import audit, cases
from serving.store.entry import Entry
from serving.store.store import Store
from serving.store.tables import ComplaintRow
from serving.triage.schema import Roles

ACTOR = "demo"
# How much of a day is reviewed, by how many days are left: today is still to be done.
_SHARES = {0: 0.0, 1: 0.4, 2: 0.7}


@dataclass
class Filled:
    """How much there is of each."""

    complaints: int = 0
    reviews: int = 0
    events: int = 0


@dataclass
class Stage:
    """The store, the clock by which it is filled (one time, in a list to be moved on), and what is
    still to happen, soonest first.
    """

    store: Store
    pipeline: Pipeline
    office: Office
    draw: random.Random
    at: list[datetime]
    coming: list[tuple[datetime, int, Event]] = field(default_factory=list)
    filled: Filled = field(default_factory=Filled)
    truth: dict[str, dict[str, str]] = field(default_factory=dict)


def fill(
    engine: Engine,
    pipeline: Pipeline,
    texts: Sequence[LabelledText],
    people: list[Reviewer],
    settings: Settings,
    until: datetime,
    seed: int,
    on_day: Callable[[int, int], None] = lambda _day, _days: None,
) -> Filled:
    """Live through the quarter before `until`, day by day; the same for the same seed.

    Raises ConflictError where the store holds complaints: a demo is never mixed with real ones.
    """
    at = [until]
    store = Store(engine, clock=lambda: at[0])
    with store.session() as session:
        if session.scalar(select(ComplaintRow.id).limit(1)) is not None:
            raise ConflictError("holds complaints; a demo takes an empty one", field="store")
    draw = random.Random(seed)  # noqa: S311 - nothing here is secret
    desk = Desk(pipeline.taxonomy, pipeline.policies, Terms.of(settings))
    stage = Stage(store, pipeline, Office(desk, people, {}, draw), draw, at)
    stage.office.truth = stage.truth
    _attach(stage, desk)
    found = scenes(texts, pipeline.taxonomy, until, seed)
    days = [list(group) for _, group in groupby(found, key=_day)]
    for number, day in enumerate(days):
        _live(stage, day, until, share=_SHARES.get(len(days) - number - 1, 1.0))
        on_day(number + 1, len(days))
    stage.filled.reviews = stage.office.done
    with store.session.begin() as session:
        details = {"seed": seed, "complaints": stage.filled.complaints}
        audit.record(session, ACTOR, "demo.filled", MARK, details, now=until)
    return stage.filled


def _day(scene: Scene) -> str:
    return scene.complaint.received_at.astimezone(ZONE).date().isoformat()


def _attach(stage: Stage, desk: Desk) -> None:
    """The hooks of a running service, by the demo's clock."""

    def roles_at(when: datetime) -> Roles:
        return stage.pipeline.policies.at(when).roles

    stage.store.attach(cases.opener(roles_at, lambda: stage.at[0]))
    stage.store.attach(opening.opener(lambda: desk, lambda: stage.at[0]))
    stage.store.attach(record_decisions)


def _live(stage: Stage, day: Sequence[Scene], until: datetime, share: float) -> None:
    """Reviewers work on what came in until the evening before."""
    end = min(_midnight(day[0]), until)
    with stage.store.session.begin() as session:
        stage.office.work(session, day[0].complaint.received_at, share)
    ids = [taken for scene in day if (taken := _take_in(stage, scene))]
    with stage.store.session.begin() as session:
        _foresee(stage, session, ids)
        _happen(stage, session, end)
        sweep(session, end)


def _midnight(scene: Scene) -> datetime:
    local = scene.complaint.received_at.astimezone(ZONE)
    return local.replace(hour=23, minute=59, second=59, microsecond=0)


def _take_in(stage: Stage, scene: Scene) -> str | None:
    """Decide and save a complaint at its own time; its id."""
    complaint = scene.complaint
    complaint_id = str(ULID.from_datetime(complaint.received_at))
    try:
        outcome = stage.pipeline.outcome(complaint, complaint_id)
    except SudaError:
        # A text without words: the service would have refused it too.
        return None
    stage.at[0] = complaint.received_at + timedelta(seconds=1)
    stage.store.save(
        Entry(
            complaint_id, complaint, f"demo-{complaint_id}", None, outcome.body, outcome.versions,
            decision=outcome.answer, actor=ACTOR,
        )
    )  # fmt: skip
    stage.truth[complaint_id] = dict(scene.truth)
    stage.filled.complaints += 1
    return complaint_id


def _foresee(stage: Stage, session: Session, ids: Sequence[str]) -> None:
    for complaint_id in ids:
        case = cases.find(session, complaint_id)
        policy = stage.pipeline.policies.at(case.received_at)
        others = [code for code in policy.router.departments if code != case.lead]
        longer = [clock.id for clock in policy.pack.deadlines.clocks if clock.extension]
        for at, event in course(case, others, next(iter(longer), None), stage.draw):
            heapq.heappush(stage.coming, (at, len(stage.coming) + stage.filled.events, event))


def _happen(stage: Stage, session: Session, until: datetime) -> None:
    desk = case_desk.Desk.of(stage.pipeline)
    while stage.coming and stage.coming[0][0] <= until:
        at, _, event = heapq.heappop(stage.coming)
        try:
            with session.begin_nested():
                desk.take(session, event, ACTOR, at)
        except SudaError:
            # By now the case stands where this cannot happen to it any more.
            continue
        stage.filled.events += 1
