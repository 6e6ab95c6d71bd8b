"""What all tables are made of."""

from __future__ import annotations

from functools import cache
from typing import cast

from sqlalchemy import JSON, Insert, Table, insert
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

Json = JSON().with_variant(JSONB(), "postgresql")


class Base(DeclarativeBase):
    """Base of all tables."""


def table_of(row: type[Base]) -> Table:
    """The table behind a row class. Writing through it spares the mapper's work for each row."""
    return cast(Table, row.__table__)


@cache
def insert_into(row: type[Base]) -> Insert:
    """The statement that adds rows: made once, so that it need not be told from others each time.

    Execute it on the session's connection; a session would first look for a mapper.
    """
    return insert(table_of(row))
