"""The demo's quarter: lived through once, the same for the same seed, never on top of real data."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from data.errors import ConflictError
from data.labelled import LabelledText
from model.runtime import load as load_bundle
from serving.demo.fill import Filled, fill
from serving.demo.mark import is_demo
from serving.demo.story import BRANCHES, scenes
from serving.pipeline import Pipeline
from serving.review.desk import Reviewer
from serving.settings import Settings
from serving.store.database import connect, migrate
from serving.store.rows.cases import CaseRow, ClockRow
from serving.store.rows.outbox import CaseEventRow
from serving.store.rows.review import ItemRow
from serving.store.store import Store
from serving.store.tables import ComplaintRow, DecisionRow
from serving.triage.policy import PACKS, load
from tests.conftest import mood_texts

UNTIL = datetime(2026, 9, 30, 15, 0, tzinfo=UTC)
PEOPLE = [Reviewer("li"), Reviewer("wang"), Reviewer("zhao", lead=True)]


@pytest.fixture(scope="module")
def pipeline(mood_bundle: Path) -> Pipeline:
    classifier = load_bundle(mood_bundle)
    policies = load(PACKS / "generic", classifier.taxonomy)
    return Pipeline(classifier, policies, classifier.taxonomy)


@pytest.fixture(scope="module")
def texts() -> list[LabelledText]:
    return mood_texts()[:60]


def filled(url: str, pipeline: Pipeline, texts: list[LabelledText]) -> tuple[Store, Filled]:
    engine = connect(url)
    migrate(engine)
    return Store(engine), fill(engine, pipeline, texts, PEOPLE, Settings(), UNTIL, seed=3)


def test_scenes_are_the_same_for_the_same_seed(
    pipeline: Pipeline, texts: list[LabelledText]
) -> None:
    first = scenes(texts, pipeline.taxonomy, UNTIL, 1)
    assert first == scenes(texts, pipeline.taxonomy, UNTIL, 1)
    assert first != scenes(texts, pipeline.taxonomy, UNTIL, 2)
    times = [scene.complaint.received_at for scene in first]
    assert times == sorted(times)
    assert UNTIL - timedelta(days=94) < times[0]
    assert times[-1] < UNTIL
    # The surge: one branch in the last days.
    last = [s.complaint.branch for s in first if s.complaint.received_at > UNTIL - timedelta(6)]
    assert Counter(last).most_common(1)[0][0] == BRANCHES[0]


def test_a_quarter_leaves_something_on_every_page(
    database_url: str, pipeline: Pipeline, texts: list[LabelledText]
) -> None:
    store, done = filled(database_url, pipeline, texts)
    with store.session() as session:
        cases = session.scalars(select(CaseRow)).all()
        assert len(cases) == done.complaints == 60
        assert all(case.received_at < UNTIL for case in cases)
        assert {"resolved", "accepted"} <= {case.status for case in cases}
        assert any(case.satisfaction for case in cases)
        assert session.scalars(select(ItemRow)).first() is not None
        kinds = set(session.scalars(select(CaseEventRow.kind)))
        assert {"accepted", "contacted", "resolved", "opinion"} <= kinds
        assert "met" in set(session.scalars(select(ClockRow.state)))
        assert is_demo(session)
        received = {case.complaint_id: case.received_at for case in cases}
        for row in session.scalars(select(DecisionRow)):
            assert received[row.complaint_id] < row.created_at < UNTIL
        for event in session.scalars(select(CaseEventRow)):
            assert received[event.complaint_id] < event.at <= UNTIL
        assert all(row.fields["metadata"]["demo"] for row in session.scalars(select(ComplaintRow)))
    store.close()


def test_it_is_never_mixed_with_real_complaints(
    sqlite_url: str, pipeline: Pipeline, texts: list[LabelledText]
) -> None:
    store, _ = filled(sqlite_url, pipeline, texts[:5])
    with pytest.raises(ConflictError, match="empty"):
        fill(store.engine, pipeline, texts, PEOPLE, Settings(), UNTIL, seed=3)
    store.close()
