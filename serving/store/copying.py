"""A consistent copy of a database in use, each kind by its own means."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

from sqlalchemy import Engine

from data.errors import FileFormatError, InputError

SQLITE, POSTGRES = "store.sqlite3", "store.dump"


def dump(engine: Engine, folder: Path) -> str:
    """Copy the database into `folder`; the name of the file. Raises InputError."""
    if engine.dialect.name == "sqlite":
        _vacuum(engine, folder / SQLITE)
        return SQLITE
    _tool(
        "pg_dump",
        engine,
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        f"--file={folder / POSTGRES}",
    )
    return POSTGRES


def load(engine: Engine, folder: Path) -> None:
    """Fill an empty database from `folder`; whole or not at all."""
    if engine.dialect.name == "sqlite":
        _copy_in(engine, folder / SQLITE)
        return
    _tool(
        "pg_restore",
        engine,
        "--no-owner",
        "--no-privileges",
        "--exit-on-error",
        "--single-transaction",
        str(folder / POSTGRES),
    )


def _vacuum(engine: Engine, target: Path) -> None:
    """One consistent state, without the pages that hold erased words, while others write."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM INTO ?", (str(target),))
    copy = sqlite3.connect(target)
    try:
        if (found := copy.execute("PRAGMA integrity_check").fetchone()) != ("ok",):
            raise FileFormatError(f"the copy is damaged: {found}", field=str(target))
    finally:
        copy.close()


def _copy_in(engine: Engine, source: Path) -> None:
    """SQLite's own way of filling a database through a connection, so that no reader is misled."""
    copy = sqlite3.connect(f"file:{source}?mode=ro", uri=True)
    connection = engine.raw_connection()
    try:
        copy.backup(connection.driver_connection)  # type: ignore[arg-type]
    finally:
        connection.close()
        copy.close()


def _tool(name: str, engine: Engine, *arguments: str) -> None:
    """Run a tool of PostgreSQL on the engine's database.

    The password goes by the environment: everybody may read a process's arguments.
    """
    path = shutil.which(name)
    if path is None:
        raise InputError(
            "is not on the PATH; install PostgreSQL's client tools, no older than the server "
            f"(Debian: postgresql-client), or run {name} on the database's own host",
            field=name,
        )
    url = engine.url.set(drivername="postgresql", password=None)
    password = {"PGPASSWORD": engine.url.password} if engine.url.password else {}
    done = subprocess.run(  # noqa: S603 - a fixed tool, and no shell
        [path, f"--dbname={url.render_as_string(False)}", *arguments],
        env={**os.environ, **password},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise InputError(f"failed: {said}", field=name)
