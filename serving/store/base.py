"""What all tables are made of."""

from __future__ import annotations

from typing import cast

from sqlalchemy import JSON, Table
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

Json = JSON().with_variant(JSONB(), "postgresql")


class Base(DeclarativeBase):
    """Base of all tables."""


def table_of(row: type[Base]) -> Table:
    """The table behind a row class. Writing through it spares the mapper's work for each row."""
    return cast(Table, row.__table__)
