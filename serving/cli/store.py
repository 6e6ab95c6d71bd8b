"""The store, opened for a command."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from data.errors import InputError
from serving.settings import Settings
from serving.store.database import connect, migrate
from serving.store.faults import translated

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@contextmanager
def store() -> Iterator[tuple[Engine, sessionmaker[Session]]]:
    """The database of SUDA_DATABASE_URL with its sessions. Raises StoreDownError."""
    settings = Settings()
    engine = connect(settings.database_url, settings)
    try:
        migrate(engine)
        yield engine, sessionmaker(engine, expire_on_commit=False)
    except SQLAlchemyError as error:
        raise translated(error) from error
    finally:
        engine.dispose()


def actor() -> str:
    """Who runs the command, as the audit trail names them."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # A container's user has a number and often no name.
        name = str(os.getuid())
    return f"cli:{name}"[:128]


def now() -> datetime:
    """The clock of the commands."""
    return datetime.now(UTC)


def duration(value: str, field: str) -> timedelta:
    """A time span like 12h, 90d or 2w. Raises InputError."""
    found = re.fullmatch(r"(\d{1,5})([hdw])", value)
    if found is None:
        raise InputError(
            f"expected a time span like 12h, 90d or 2w, got {value[:20]!r}", field=field
        )
    return int(found[1]) * _UNITS[found[2]]
