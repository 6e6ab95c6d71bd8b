from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from data.errors import ConflictError, InputError, NotFoundError
from data.exchange.judgement import Judgement
from data.records import Complaint
from data.snapshot.record import LabelRecord
from serving.feedback import Taken, holding, take
from serving.store import label_texts, labels
from serving.store.database import connect, migrate
from serving.store.entry import Entry
from serving.store.store import Store
from serving.store.tables import ComplaintRow, LabelTextRow
from tests.conftest import two_labels

MOODS, _ = two_labels()
NOW = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)
ONE, TWO = "01J0000000000000000000000A", "01J0000000000000000000000B"


def entry(id_: str, external_id: str, words: str) -> Entry:
    decision = {
        "labels": {"mood": {"code": "bad", "model_code": "good"}},
        "versions": {"model": "linear-1"},
    }
    return Entry(
        complaint_id=id_,
        complaint=Complaint(words, NOW, external_id=external_id, source="phone", channel="A1"),
        fingerprint=external_id,
        key=None,
        body=orjson.dumps(decision),
        versions={"model": "linear-1", "taxonomy": "t", "policy": "p"},
    )


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    migrate(engine)
    store = Store(engine)
    store.save(entry(ONE, "CC-1", "柜员态度恶劣"))
    store.save(entry(TWO, "CC-2", "排队太久"))
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> sessionmaker[Session]:
    return sessionmaker(engine, expire_on_commit=False)


def record(subject: str = ONE, code: str = "bad", *, hours: int = 0, **fields: Any) -> LabelRecord:
    at = NOW + timedelta(hours=hours)
    return LabelRecord(subject, "mood", code, fields.pop("who", "张三"), at, "review", **fields)


def judgement(code: str = "bad", **fields: Any) -> Judgement:
    return Judgement({"mood": code}, **{"who": "张三", **fields})


def taken(
    sessions: sessionmaker[Session], *items: Judgement, at: datetime = NOW
) -> list[Taken | Exception]:
    with sessions.begin() as session:
        return [*take(session, items, MOODS, at, "api")]


def test_records_come_back_as_they_were_said(sessions: sessionmaker[Session]) -> None:
    whole = record(
        model_code="good", bundle="linear-1", comment="看过", selection="audit", inclusion=0.1
    )
    with sessions.begin() as session:
        (added,) = labels.append(session, [whole], NOW)
    assert not added.replayed
    assert replace(added.record, id=None) == whole
    with sessions() as session:
        assert labels.of(session, ONE) == [added.record]
        assert labels.about(session, [ONE, TWO]) == [added.record]
        assert labels.of(session, TWO) == []
        assert labels.count(session) == 1


def test_the_same_statement_stands_once(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        labels.append(session, [record(), record()], NOW)
    with sessions.begin() as session:
        (again, other) = labels.append(session, [record(), record(hours=1)], NOW)
        assert (again.replayed, other.replayed) == (True, False)
        assert labels.count(session) == 2


def test_what_is_unknown_is_refused_and_nothing_stays(sessions: sessionmaker[Session]) -> None:
    with pytest.raises(NotFoundError), sessions.begin() as session:
        labels.append(session, [record(), record("nobody")], NOW)
    with sessions() as session:
        assert labels.count(session) == 0


def test_personal_data_in_comments_is_masked(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        labels.append(session, [record(comment="回拨13812345678")], NOW)
        assert labels.of(session, ONE)[0].comment == "回拨138****5678"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE label_records SET code = 'good'",
        "UPDATE label_records SET who = 'x', comment = NULL",
        "UPDATE label_records SET comment = 'other'",
        "UPDATE label_records SET complaint_id = NULL, text_id = NULL",
        "DELETE FROM label_records",
    ],
)
def test_the_database_refuses_to_change_a_record(
    engine: Engine, sessions: sessionmaker[Session], statement: str
) -> None:
    with sessions.begin() as session:
        labels.append(session, [record(comment="看过")], NOW)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    with sessions() as session:
        assert labels.of(session, ONE)[0].code == "bad"


def test_a_comment_may_be_blanked_for_a_customer(
    engine: Engine, sessions: sessionmaker[Session]
) -> None:
    with sessions.begin() as session:
        labels.append(session, [record(comment="看过")], NOW)
    with engine.begin() as connection:
        connection.execute(text("UPDATE label_records SET comment = NULL"))
    with sessions() as session:
        assert labels.of(session, ONE)[0].comment is None


def test_records_are_read_page_by_page_and_since(sessions: sessionmaker[Session]) -> None:
    for hour in range(4):
        with sessions.begin() as session:
            labels.append(session, [record(hours=hour)], NOW + timedelta(hours=hour))
    with sessions() as session:
        first = labels.since(session, limit=3)
        rest = labels.since(session, after=first[-1].id or 0, limit=3)
        assert [r.decided_at.hour for r in (*first, *rest)] == [2, 3, 4, 5]
        assert len(labels.since(session, NOW + timedelta(hours=2))) == 2
        assert labels.subjects(session, NOW) == [ONE]
        assert labels.subjects(session, NOW + timedelta(days=1)) == []
        assert labels.count(session, NOW + timedelta(hours=3)) == 1


# Judgements


def test_a_judgement_is_recorded_beside_what_the_model_said(
    sessions: sessionmaker[Session],
) -> None:
    (answer,) = taken(sessions, judgement(source="phone", external_id="CC-1"))
    assert isinstance(answer, Taken)
    (found,) = answer.records
    assert (answer.subject, found.model_code, found.bundle) == (ONE, "good", "linear-1")
    assert (found.decided_at, found.via, found.overrides) == (NOW, "api", True)
    with sessions() as session:
        assert holding(session, ONE)["mood"].code == "bad"


def test_saying_the_same_again_without_a_time_adds_nothing(
    sessions: sessionmaker[Session],
) -> None:
    taken(sessions, judgement(id=ONE))
    later = NOW + timedelta(hours=1)
    (again,) = taken(sessions, judgement(id=ONE), at=later)
    assert isinstance(again, Taken)
    assert again.replayed
    taken(sessions, judgement("good", id=ONE, who="李四"), at=later)
    (back,) = taken(sessions, judgement(id=ONE), at=later + timedelta(hours=1))
    assert isinstance(back, Taken)
    assert not back.replayed
    with sessions() as session:
        assert [r.code for r in labels.of(session, ONE)] == ["bad", "good", "bad"]


@pytest.mark.parametrize(
    ("item", "error", "field"),
    [
        (judgement(id="nobody"), NotFoundError, "complaint_id"),
        (judgement(external_id="CC-1"), NotFoundError, "external_id"),
        (judgement(), NotFoundError, "text"),
        (judgement("odd", id=ONE), InputError, "labels.mood"),
        (Judgement({"none": "x"}, who="a", id=ONE), InputError, "labels.none"),
        (judgement(id=ONE, decided_at=NOW + timedelta(days=1)), InputError, "decided_at"),
        (judgement(text="字" * 20_001), InputError, "text"),
    ],
)
def test_one_bad_judgement_spoils_no_other(
    sessions: sessionmaker[Session], item: Judgement, error: type[Exception], field: str
) -> None:
    bad, good = taken(sessions, item, judgement(id=TWO))
    assert isinstance(bad, error)
    assert getattr(bad, "field", None) == field
    assert isinstance(good, Taken)
    with sessions() as session:
        assert labels.subjects(session) == [TWO]


def test_texts_from_elsewhere_are_kept_once(sessions: sessionmaker[Session]) -> None:
    items = [
        judgement(text="没人理我", decided_at=NOW),
        judgement(text="没人理我", decided_at=NOW),
        judgement(text="没人理我", source="旧系统", external_id="7", decided_at=NOW),
        judgement(text="没人理我", source="旧系统", id="7", decided_at=NOW),
    ]
    subjects = [a.subject for a in taken(sessions, *items) if isinstance(a, Taken)]
    assert len(subjects) == 4
    assert subjects[0] == subjects[1] != subjects[2] == subjects[3]
    (clash,) = taken(sessions, judgement(text="另一件事", source="旧系统", external_id="7"))
    assert isinstance(clash, ConflictError)
    with sessions() as session:
        assert labels.count(session) == 2


def test_feedback_gives_texts_with_all_their_records(sessions: sessionmaker[Session]) -> None:
    taken(sessions, judgement(id=ONE), judgement("good", text="态度真好", meta={"group": "g"}))
    later = NOW + timedelta(days=1)
    taken(sessions, judgement("good", id=ONE, who="李四"), at=later)
    with sessions() as session:
        known = {item.text: item for item in label_texts.feedback(session)}
        assert set(known) == {"柜员态度恶劣", "态度真好"}
        first = known["柜员态度恶劣"]
        assert [r.code for r in first.records] == ["bad", "good"]
        assert first.meta == {
            "channel": "A1", "source": "phone", "external_id": "CC-1", "received_at": "2026-11-20",
        }  # fmt: skip
        assert known["态度真好"].meta == {"group": "g"}
        # Of a text that got a record since, all records count.
        (since,) = label_texts.feedback(session, later)
        assert since == first


def test_erased_texts_teach_nothing(engine: Engine, sessions: sessionmaker[Session]) -> None:
    taken(sessions, judgement(id=ONE), judgement(text="态度真好"))
    with engine.begin() as connection:
        for row in (ComplaintRow, LabelTextRow):
            connection.execute(update(row).values(text="", erased_at=NOW))
    with sessions() as session:
        assert list(label_texts.feedback(session)) == []


def test_many_at_once_are_all_kept_in_one_order(sessions: sessionmaker[Session]) -> None:
    def say(number: int) -> None:
        with sessions.begin() as session:
            labels.append(session, [record(who=f"r{number}")], NOW)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(say, range(40)))
    with sessions() as session:
        found = labels.since(session)
        assert sorted(r.who for r in found) == sorted(f"r{n}" for n in range(40))
        ids = [r.id or 0 for r in found]
        assert ids == sorted(set(ids))
