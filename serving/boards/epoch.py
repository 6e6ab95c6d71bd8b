"""Times as whole seconds: in SQL, in arrays, and as days of the bank's own zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import NullType

Seconds = NDArray[np.int64]
Days = NDArray[np.int64]

# "Not yet": earlier than any time a complaint can have.
NEVER: Final = -(2**62)
DAY: Final = 86_400
_HOUR: Final = 3_600
_ORIGIN: Final = date(1970, 1, 1)


class epoch(GenericFunction[int]):  # noqa: N801 - the name of the SQL function
    """A time column as whole seconds since 1970, rounded down."""

    type = BigInteger()
    inherit_cache = True


@compiles(epoch, "sqlite")
def _sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"CAST(strftime('%s', {compiler.process(element.clauses, **options)}) AS INTEGER)"


@compiles(epoch)
def _other(element: Any, compiler: Any, **options: Any) -> str:
    inner = compiler.process(element.clauses, **options)
    return f"CAST(floor(date_part('epoch', {inner})) AS BIGINT)"


class stamp(GenericFunction[Any]):  # noqa: N801 - used like the one above
    """A time column for `stamps`: as it stands where taking it apart is the slow part."""

    type = NullType()
    inherit_cache = True


@compiles(stamp, "sqlite")
def _sqlite_stamp(element: Any, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(stamp)
def _other_stamp(element: Any, compiler: Any, **options: Any) -> str:
    return _other(element, compiler, **options)


def stamps(values: Sequence[Any]) -> Seconds:
    """(n,) what `stamp` gave as whole seconds since 1970, rounded down; NEVER for none."""
    # All of a column are of one kind.
    if isinstance(next(filter(None, values), None), str):
        times = np.array([value or "NaT" for value in values], dtype="datetime64[us]")
        found: Seconds = times.view(np.int64) // 1_000_000
        return np.where(np.isnat(times), NEVER, found)
    return np.array([NEVER if value is None else value for value in values], dtype=np.int64)


def seconds(moment: datetime) -> int:
    """Whole seconds since 1970, rounded down."""
    return int(moment.timestamp() // 1)


def moment(value: int) -> datetime:
    """The time, in UTC."""
    return datetime.fromtimestamp(value, UTC)


def local_seconds(values: Seconds, zone: ZoneInfo) -> Seconds:
    """What clocks in `zone` show, as seconds since 1970 of those clocks; (n,) to (n,)."""
    if not len(values):
        return values
    first = int(values.min()) // _HOUR
    hours = values // _HOUR - first
    there = np.flatnonzero(np.bincount(hours))
    offsets = np.zeros(int(there[-1]) + 1, dtype=np.int64)
    offsets[there] = [_offset((int(hour) + first) * _HOUR, zone) for hour in there]
    return values + offsets[hours]


@lru_cache(maxsize=200_000)
def _offset(value: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(value, zone).utcoffset() or timedelta()
    return int(offset.total_seconds())


def day_number(day: date) -> int:
    """Days since 1970."""
    return (day - _ORIGIN).days


def day_of(number: int) -> date:
    """The day with this number."""
    return _ORIGIN + timedelta(days=int(number))


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When `day` begins in `zone`."""
    return datetime(day.year, day.month, day.day, tzinfo=zone)
