"""The audit trail in the browser: looked through, exported, verified."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from serving.security.audit import Record
from serving.store import audit
from serving.store.audit_search import Wanted, all_of, search
from serving.store.database import connect, migrate
from serving.store.tables import AuditHeadRow
from tests.web import kit

PAGE = "/ui/admin/audit"
START = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def sessions(database_url: str) -> Iterator[sessionmaker[Session]]:
    engine = connect(database_url)
    migrate(engine)
    made = sessionmaker(engine)
    for day in range(10):
        records = [
            Record(f"user:u{day % 2}", "key.created", f"key:{day}"),
            Record("suda", "model.serving", "service", {"day": day}),
            Record("user", "keys.odd", "keyring:1"),
        ]
        with made.begin() as session:
            audit.append(session, records, START + timedelta(days=day))
    yield made
    engine.dispose()


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Wanted(), list(range(30, 0, -1))),
        (Wanted(before=4), [3, 2, 1]),
        (Wanted(actor="user:u1", before=11), [10, 4]),
        (Wanted(actor="user", before=5), [4, 3, 1]),
        (Wanted(action="key", before=8), [7, 4, 1]),
        (Wanted(action="key.created", subject="key:3"), [10]),
        (Wanted(subject="key", before=5), [4, 1]),
        (Wanted(subject="service", before=6), [5, 2]),
        (Wanted(since=START + timedelta(days=9)), [30, 29, 28]),
        (Wanted(until=START + timedelta(days=1)), [3, 2, 1]),
        (Wanted(since=START + timedelta(days=2), until=START + timedelta(days=3)), [9, 8, 7]),
        (Wanted(since=START + timedelta(days=99)), []),
        (Wanted(actor="us%"), []),
    ],
)
def test_entries_are_found_from_the_end(
    sessions: sessionmaker[Session], wanted: Wanted, numbers: list[int]
) -> None:
    with sessions() as session:
        assert [link.seq for link in search(session, wanted, 100)] == numbers
        assert [link.seq for link in search(session, wanted, 2)] == numbers[:2]
    assert [link.seq for link in all_of(sessions, wanted, 100)] == numbers
    assert [link.seq for link in all_of(sessions, wanted, 1)] == numbers[:1]


@pytest.fixture
def auditor(web: TestClient) -> kit.Browser:
    kit.reset(web)
    return kit.signed_in(web, "auditor")


def record(web: TestClient, *records: Record) -> None:
    with kit.application(web).state.sessions.begin() as session:
        audit.append(session, records, datetime.now(UTC))


def test_an_auditor_looks_through_it(web: TestClient, auditor: kit.Browser) -> None:
    record(web, *(Record("cli:root", "test.done", f"thing:{n}") for n in range(60)))
    first = auditor.get(f"{PAGE}?action=test").text
    assert first.count('<a href="/ui/admin/audit?actor=cli%3Aroot">') == 50
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    second = auditor.get(following[1].replace("&amp;", "&")).text
    assert "thing:0" in second
    assert "回到最新" in second
    rows = auditor.get(f"{PAGE}?subject=thing:7", **{"HX-Request": "true", "HX-Target": "entries"})
    assert "thing:7" in rows.text
    assert "<form" not in rows.text
    assert "没有符合条件" in auditor.get(f"{PAGE}?from=2020-01-01&to=2020-01-02").text
    assert auditor.get(f"{PAGE}?from=soon").status_code == 422
    assert auditor.get(f"{PAGE}?before=0").status_code == 422


def test_exported_as_csv(web: TestClient, auditor: kit.Browser) -> None:
    record(web, Record("cli:root", "test.exported", "thing:1", {"why": "=1+1"}))
    answer = auditor.get(f"{PAGE}/export?action=test.exported")
    rows = list(csv.reader(answer.content.decode("utf-8-sig").splitlines()))
    assert rows[0][:3] == ["序号", "时间", "操作人"]
    assert [row[3] for row in rows[1:]] == ["test.exported"]
    assert len(rows[1][6]) == 64
    assert [a for _, a, _ in kit.recorded(web, "audit.exported")] == ["audit.exported"]


def test_the_chain_is_verified(web: TestClient, auditor: kit.Browser) -> None:
    assert "完整。" in auditor.get(f"{PAGE}/verify", **{"HX-Request": "true"}).text
    sessions = kit.application(web).state.sessions
    with sessions.begin() as session:
        right = audit.head(session).hash
        session.execute(update(AuditHeadRow).values(hash="0" * 64))
    with sessions() as session:
        assert not audit.verify(session).intact
    # To look at it is recorded behind what is wrong.
    text = auditor.get(f"{PAGE}/verify").text
    assert "不完整。" in text
    with sessions.begin() as session:
        session.execute(update(AuditHeadRow).values(hash=right))
    assert len(kit.recorded(web, "audit.verified")) == 2


def test_reviewers_and_leads_see_nothing(web: TestClient) -> None:
    for role in ("reviewer", "lead"):
        assert kit.signed_in(web, role).get(PAGE).status_code == 403  # type: ignore[arg-type]
