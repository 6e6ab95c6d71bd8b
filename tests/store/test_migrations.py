"""Up and down between all revisions, with rows in the tables, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, func, insert, inspect, select
from sqlalchemy.orm import Session

from serving.store import keys
from serving.store.database import MIGRATIONS, connect, downgrade, migrate
from serving.store.store import Store
from serving.store.tables import ApiKeyRow, Base
from tests.store.kit import WHEN, entry


def _revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    walk = ScriptDirectory.from_config(config).walk_revisions()
    return [script.revision for script in walk][::-1]


REVISIONS = _revisions()

# A row for every table that may hold one by itself, in the order of their references; columns that
# a revision does not know yet are left out.
ROWS: dict[str, dict[str, Any]] = {
    "complaints": {
        "id": "C" * 26,
        "source": "app",
        "external_id": "7",
        "text": "没人理我",
        "fields": {"branch": "城东"},
        "fingerprint": "f",
        "received_at": WHEN,
        "created_at": WHEN,
    },
    "decisions": {
        "id": "D" * 26,
        "complaint_id": "C" * 26,
        "body": b'{"first": true}',
        "model_version": "m",
        "taxonomy_version": "t",
        "policy_version": "p",
        "created_at": WHEN,
    },
    "idempotency_keys": {
        "key": "k",
        "fingerprint": "f",
        "complaint_id": "C" * 26,
        "created_at": WHEN,
    },
    "cases": {
        "complaint_id": "C" * 26,
        "received_at": WHEN,
        "lead": "intake",
        "confidence": 0.5,
        "automatic": True,
        "audit": False,
        "review": "none",
        "reasons": [],
        "priority": 0.0,
        "status": "open",
        "bounces": 0,
        "decision_id": "D" * 26,
        "model_version": "m",
        "policy_version": "p",
        "updated_at": WHEN,
    },
    "clocks": {
        "complaint_id": "C" * 26,
        "clock": "decide",
        "statutory": True,
        "started_at": WHEN,
        "due_at": WHEN,
        "strict_due_at": WHEN,
        "state": "running",
    },
    "report_snapshots": {
        "id": "R" * 26,
        "period": "2026Q3",
        "scope": "",
        "number": 1,
        "frozen_at": WHEN,
        "frozen_by": "tests",
        "sha256": "0" * 64,
        "body": "{}",
    },
    "web_users": {
        "id": "U" * 26,
        "login": "zhang",
        "name": "张伟",
        "role": "admin",
        "password_hash": "$argon2id$",
        "must_change": True,
        "created_at": WHEN,
        "created_by": "cli:root",
    },
    "web_sessions": {
        "id": "5" * 64,
        "user_id": "U" * 26,
        "csrf": "c" * 43,
        "via": "password",
        "address": "10.0.0.1",
        "agent": "Firefox",
        "created_at": WHEN,
        "seen_at": WHEN,
        "expires_at": WHEN,
    },
    "web_attempts": {"subject": "address:10.0.0.1", "failed": 3, "last_at": WHEN},
    "web_flows": {
        "id": "6" * 64,
        "state": "s",
        "nonce": "n",
        "verifier": "v",
        "next": "/ui",
        "expires_at": WHEN,
    },
    "case_events": {
        "id": "E" * 26,
        "complaint_id": "C" * 26,
        "kind": "accepted",
        "at": WHEN,
        "recorded_at": WHEN,
        "who": "张三",
        "source": "crm",
        "fingerprint": "e",
        "body": {},
        "note": "已联系",
    },
    "outbox": {
        "id": "O" * 26,
        "complaint_id": "C" * 26,
        "decision_id": "D" * 26,
        "department": "intake",
        "kind": "order",
        "part": "lead",
        "state": "pending",
        "attempts": 0,
        "created_at": WHEN,
        "next_at": WHEN,
    },
    "api_keys": {
        "id": "0" * 12,
        "name": "呼叫中心",
        "digest": "0" * 64,
        "scopes": "intake",
        "created_at": WHEN,
        "created_by": "tests",
    },
    "departments": {
        "id": "intake",
        "webhook": "https://crm.example/suda",
        "enabled": True,
        "concurrency": 4,
        "updated_at": WHEN,
        "updated_by": "tests",
    },
    "review_items": {
        "id": "I" * 26,
        "complaint_id": "C" * 26,
        "round": 1,
        "state": "open",
        "blind": False,
        "audit": False,
        "lead_only": False,
        "rank": 0,
        "due_at": WHEN,
        "ease": 0.5,
        "reasons": [],
        "opened_at": WHEN,
        "version": 1,
    },
    "review_acts": {
        "item_id": "I" * 26,
        "complaint_id": "C" * 26,
        "kind": "skipped",
        "who": "张三",
        "at": WHEN,
        "reason": "unclear",
        "note": "看不懂",
        "body": {},
    },
    "review_bands": {"key": -7, "complaint_id": "C" * 26, "band": 0},
    "review_bulks": {
        "id": "B" * 26,
        "who": "张三",
        "at": WHEN,
        "criteria": {},
        "labels": {},
        "asked": 1,
        "applied": 1,
        "refused": {},
    },
    "review_views": {
        "id": "V" * 26,
        "owner": "张三",
        "name": "我的",
        "wanted": {},
        "shared": False,
        "created_at": WHEN,
    },
    "jobs": {
        "id": "J" * 26,
        "name": "投诉.csv",
        "actor": "key:a",
        "digest": "d",
        "options": {"saving": "complaints"},
        "state": "done",
        "total": 1,
        "done": 1,
        "failed": 0,
        "review": 0,
        "replayed": 0,
        "created_at": WHEN,
        "takeovers": 0,
    },
    "job_items": {
        "id": "J" * 26 + "-1",
        "job_id": "J" * 26,
        "number": 1,
        "line": 2,
        "text": "没人理我",
        "fields": {},
        "state": "done",
        "review": False,
        "replayed": False,
        "complaint_id": "C" * 26,
    },
    "label_records": {
        "complaint_id": "C" * 26,
        "head": "mood",
        "code": "bad",
        "role": "review",
        "who": "张三",
        "decided_at": WHEN,
        "recorded_at": WHEN,
        "comment": "看过",
        "via": "api",
        "fingerprint": "l",
    },
    "shadow_results": {
        "complaint_id": "C" * 26,
        "shadow": "n",
        "champion": "m",
        "differs": ",lead,",
        "fields": {"lead": {"champion": "a", "shadow": "b"}},
        "at": WHEN,
    },
    "shadow_counts": {
        "shadow": "n",
        "champion": "m",
        "field": "lead",
        "texts": 9,
        "agreed": 8,
        "first_at": WHEN,
        "last_at": WHEN,
    },
}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    yield engine
    engine.dispose()


def fill(engine: Engine) -> dict[str, int]:
    """Put a row into each table there is; returns how many rows each holds."""
    tables = MetaData()
    tables.reflect(engine)
    with engine.begin() as connection:
        for name, row in ROWS.items():
            if name in tables.tables:
                table = tables.tables[name]
                known = {k: v for k, v in row.items() if k in table.columns}
                connection.execute(table.insert(), known)
    return rows(engine)


def rows(engine: Engine) -> dict[str, int]:
    tables = MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        return {
            name: connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in tables.tables.items()
            if name in ROWS
        }


def still_served(engine: Engine) -> None:
    """What an older version saved is found, and answered again, by this one."""
    store = Store(engine)
    first = b'{"first": true}'
    assert store.decision("C" * 26) == first
    assert store.complaint("C" * 26)["text"] == "没人理我"
    assert store.complaint("C" * 26)["branch"] == "城东"
    assert store.find_earlier(entry(source="app", external_id="7", fingerprint="f")) == first
    assert store.save(entry(key="k", fingerprint="f")).body == first
    assert not store.save(entry("新的", external_id="8")).replayed


@pytest.mark.parametrize("revision", REVISIONS)
def test_up_from_every_earlier_revision_with_rows_in_it(engine: Engine, revision: str) -> None:
    migrate(engine, revision)
    before = fill(engine)
    migrate(engine)
    assert {name: n for name, n in rows(engine).items() if name in before} == before
    still_served(engine)


@pytest.mark.parametrize("revision", REVISIONS)
def test_down_to_every_earlier_revision_and_up_again(engine: Engine, revision: str) -> None:
    migrate(engine)
    before = fill(engine)
    downgrade(engine, revision)
    kept = rows(engine)
    assert kept.items() <= before.items()
    assert kept["complaints"] == kept["decisions"] == 1
    migrate(engine)
    still_served(engine)


def test_down_keys_of_departments_go_and_others_stay(engine: Engine) -> None:
    migrate(engine)
    fill(engine)
    bound = {**ROWS["api_keys"], "id": "1" * 12, "scopes": "", "department": "intake"}
    with engine.begin() as connection:
        connection.execute(insert(ApiKeyRow), [bound])
    downgrade(engine, "0011")
    migrate(engine)
    with Session(engine) as session:
        (left,) = keys.listed(session)
    assert (left.id, set(left.scopes), left.department) == ("0" * 12, {"intake"}, None)


def test_all_the_way_down_leaves_nothing(engine: Engine) -> None:
    migrate(engine)
    fill(engine)
    downgrade(engine, "base")
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    migrate(engine)
    assert not Store(engine).save(entry()).replayed


def test_the_migrations_make_the_tables_the_code_speaks_of(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    migrate(engine)
    before = fill(engine)
    migrate(engine)
    assert rows(engine) == before


def test_a_migration_that_fails_leaves_the_schema_as_it_was(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken off between two tables, the first is not there either."""
    import alembic.op

    create = alembic.op.create_table

    def breaks(name: str, *columns: Any, **options: Any) -> Any:
        if name == "idempotency_keys":
            raise OSError("disk full")
        return create(name, *columns, **options)

    monkeypatch.setattr("alembic.op.create_table", breaks)
    with pytest.raises(OSError, match="disk full"):
        migrate(engine)
    assert "complaints" not in inspect(engine).get_table_names()
    monkeypatch.undo()
    migrate(engine)
    assert not Store(engine).save(entry()).replayed
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
