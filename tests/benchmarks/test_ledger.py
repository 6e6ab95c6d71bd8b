"""The checks of the store find what they are there for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text

from benchmarks.rig import ledger
from serving.api.app import create_app
from serving.security.keys import SCOPES
from serving.settings import Settings
from serving.store import keys


@pytest.fixture(scope="module")
def answered(
    mood_bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, ledger.Promise]]:
    """A store with three complaints, and the answers given."""
    path = tmp_path_factory.mktemp("ledger") / "suda.sqlite3"
    settings = Settings(bundle=mood_bundle, database_url=f"sqlite:///{path}", deadline_ms=60_000)
    app = create_app(settings)
    with TestClient(app) as client:
        with app.state.sessions.begin() as session:
            wish = keys.Wish("tests", frozenset(SCOPES))
            token = keys.create(session, wish, "tests", datetime.now(UTC)).token
        app.state.gate.refresh()
        promises = {}
        for number in range(3):
            body = {"text": "排队太久", "external_id": f"t-{number}"}
            answer = client.post(
                "/v1/classify", json=body, headers={"Authorization": f"Bearer {token}"}
            )
            found = orjson.loads(answer.content)["complaint_id"]
            promises[f"t-{number}"] = ledger.Promise(found, ledger.digest_of(answer.content))
    return path, promises


@pytest.mark.parametrize(
    ("harm", "check"),
    [
        ("SELECT 1", None),
        ("DELETE FROM complaints WHERE external_id = 't-1'", "complaints_once"),
        ("DELETE FROM decisions WHERE rowid = 2", "decisions_as_answered"),
        ("UPDATE decisions SET body = x'7b7d' WHERE rowid = 2", "decisions_as_answered"),
        ("DELETE FROM audit_log WHERE action = 'decision.recorded'", "audit_records"),
        ("UPDATE audit_log SET actor = 'x' WHERE seq = 2", "audit_chain"),
        ("DELETE FROM cases WHERE rowid = 2", "cases_once"),
    ],
)
def test_each_harm_is_found(
    answered: tuple[Path, dict[str, ledger.Promise]], tmp_path: Path, harm: str, check: str | None
) -> None:
    path, promises = answered
    copy = tmp_path / "copy.sqlite3"
    copy.write_bytes(path.read_bytes())
    engine = create_engine(f"sqlite:///{copy}")
    with engine.begin() as connection:
        for (trigger,) in connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ).all():
            connection.execute(text(f"DROP TRIGGER {trigger}"))
        connection.execute(text(harm))
    engine.dispose()
    found = ledger.audit_store(f"sqlite:///{copy}", promises)
    assert check in found if check else found == {}
