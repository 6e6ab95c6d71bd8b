"""Open the database and bring its schema up to date."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, make_url

from data.errors import InputError
from serving.security.encryption import TextKeys
from serving.settings import Settings
from serving.store.driver import hide_row
from serving.store.types import protect

MIGRATIONS = Path(__file__).parent / "migrations"
# Threads that classify, commit and read at the same time; beyond it they wait for each other.
POOL = 20
# A database that hangs must become a clear answer while the caller still listens.
_POOL_WAIT, _CONNECT_WAIT, _STATEMENT_MS, _UNACKNOWLEDGED_MS = 5, 3, 15_000, 10_000
# Pages of SQLite's log at which the next commit copies it into the file, a tenth of a second in
# which no other is saved. The service copies before that, beside the commits (`checkpoint`).
_LOG_PAGES = 16_000
# Names the lock that lets one of several starting processes migrate; any number will do.
_MIGRATION_LOCK = 0x5D_DA


def connect(url: str, settings: Settings | None = None) -> Engine:
    """An engine for `url`; a SQLite file's directory is made. Raises InputError for a bad URL.

    Customers' words are encrypted with the text key of `settings`; unset, of the environment.
    """
    engine = _engine(url)
    # Parameters are customers' words: an error must not quote them.
    engine.hide_parameters = True
    event.listen(engine, "handle_error", _hide_row)
    secret = (settings or Settings()).text_key
    protect(engine, TextKeys.parse(secret.get_secret_value()) if secret else None)
    return engine


def _hide_row(context: ExceptionContext) -> None:
    """PostgreSQL adds the failing row to some of its errors."""
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None:
            hide_row(error)


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except Exception as error:
        raise InputError(f"is not a database URL: {error}", field="SUDA_DATABASE_URL") from error
    if parsed.get_backend_name() == "postgresql":
        return _postgres(parsed)
    if parsed.get_backend_name() != "sqlite":
        return _made(parsed, pool_pre_ping=True, pool_timeout=_POOL_WAIT)
    if parsed.database in (None, "", ":memory:"):
        engine = _made(parsed)
    else:
        Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
        # The last used connection first: its pages are those that the next commit reads again.
        engine = _made(parsed, pool_size=POOL, pool_timeout=_POOL_WAIT, pool_use_lifo=True)
    event.listen(engine, "connect", _sqlite_pragmas)
    return engine


def _made(url: Any, **arguments: Any) -> Engine:
    return create_engine(url, json_serializer=_to_json, **arguments)


def _to_json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # A number of more than 64 bits.
        return json.dumps(value)


def _postgres(url: Any) -> Engine:
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    defaults = {
        "connect_timeout": _CONNECT_WAIT,
        "tcp_user_timeout": _UNACKNOWLEDGED_MS,
        "application_name": "suda",
    }
    # What the URL itself says goes before.
    arguments: dict[str, Any] = {k: v for k, v in defaults.items() if k not in url.query}
    ours = f"-c statement_timeout={_STATEMENT_MS} -c synchronous_commit=on"
    arguments["options"] = f"{ours} {url.query.get('options', '')}".strip()
    return _made(
        url,
        pool_size=POOL,
        max_overflow=0,
        pool_timeout=_POOL_WAIT,
        pool_pre_ping=True,
        connect_args=arguments,
    )


def _sqlite_pragmas(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    # WAL lets readers go on while one writes; FULL makes an acknowledged commit outlive a power
    # cut.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()


def checkpoint(engine: Engine) -> None:
    """Copy what SQLite's log holds into the file, without making any writer or reader wait.

    Elsewhere there is nothing to copy. Raises what the database raises.
    """
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema up to `revision`, whole or not at all; one process at a time."""
    _run(engine, command.upgrade, revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the schema back to `revision` ("base" = empty); what newer tables held is lost."""
    _run(engine, command.downgrade, revision)


def _run(engine: Engine, step: Any, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    opened = _locked_sqlite if engine.dialect.name == "sqlite" else _locked_postgres
    with opened(engine) as connection:
        config.attributes["connection"] = connection
        try:
            step(config, revision)
        except CommandError as error:
            raise InputError(
                "the database's schema is not of this version; a newer one goes back with "
                "`suda database downgrade` of the newer version, or with a backup",
                field="SUDA_DATABASE_URL",
            ) from error


@contextmanager
def _locked_sqlite(engine: Engine) -> Iterator[Connection]:
    """SQLite changes a table by copying it, which only goes unhindered without foreign keys."""
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        try:
            # The driver opens no transaction for CREATE and ALTER by itself.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise RuntimeError(f"a migration left rows without their parents: {broken[:3]}")
            connection.commit()
        finally:
            connection.rollback()
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")


@contextmanager
def _locked_postgres(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        yield connection
