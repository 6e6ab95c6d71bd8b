"""A store with made-up cases, and boards over it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from benchmarks.cases import Plan, fill, now
from data.taxonomy.schema import Taxonomy
from serving.boards.axes import axes_of
from serving.boards.live import Board, Live
from serving.boards.view import View
from serving.store.database import connect, migrate
from serving.triage.policy import Policy, load, packs_for

NOW = now()


def policy_of(taxonomy: Taxonomy) -> Policy:
    return load(packs_for(taxonomy), taxonomy).at(NOW)


@contextmanager
def filled(url: str, taxonomy: Taxonomy, cases: int = 400, days: int = 100) -> Iterator[Engine]:
    engine = connect(url)
    migrate(engine)
    fill(engine, Plan(cases, NOW, days, reviewed=0.3), taxonomy, policy_of(taxonomy))
    yield engine
    engine.dispose()


def live_of(engine: Engine, when: datetime = NOW) -> Live:
    return Live(sessionmaker(engine), lambda: when, every=timedelta(0))


def view_of(board: Board, taxonomy: Taxonomy, when: datetime = NOW) -> View:
    policy = policy_of(taxonomy)
    return View(board, axes_of(taxonomy, policy), policy.clocks.zone, when)


def sessions_of(engine: Engine) -> sessionmaker[Session]:
    return sessionmaker(engine, expire_on_commit=False)
