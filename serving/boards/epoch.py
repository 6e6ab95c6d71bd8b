"""Times as whole seconds: in SQL, in arrays, and as days of the bank's own zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

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
    return f"CAST(floor(extract(epoch FROM {inner})) AS BIGINT)"


def seconds(moment: datetime) -> int:
    """Whole seconds since 1970, rounded down."""
    return int(moment.timestamp() // 1)


def moment(value: int) -> datetime:
    """The time, in UTC."""
    return datetime.fromtimestamp(value, UTC)


def local_seconds(values: Seconds, zone: ZoneInfo) -> Seconds:
    """What clocks in `zone` show, as seconds since 1970 of those clocks; (n,) to (n,)."""
    hours, back = np.unique(values // _HOUR, return_inverse=True)
    offsets = [_offset(int(hour) * _HOUR, zone) for hour in hours]
    return values + np.asarray(offsets, dtype=np.int64)[back.reshape(values.shape)]


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
