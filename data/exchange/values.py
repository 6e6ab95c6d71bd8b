"""Cells of foreign files as labels, times and names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, get_args
from zoneinfo import ZoneInfo

from data.errors import InputError, kind_of
from data.snapshot.record import Role
from data.taxonomy.schema import Head

SHANGHAI = ZoneInfo("Asia/Shanghai")


def code_of(head: Head, value: Any) -> str:
    """The code that a cell names: by code, official code, or a name that is unique in the head.

    Choices as annotation tools nest them (`{"choices": [code]}`, a path of codes) count by their
    last element. Raises InputError.
    """
    single = _single(head, value)
    if single in head.by_code:
        return single
    named = [label.code for label in head if single in (label.official, label.name)]
    if len(named) != 1:
        what = "is several labels" if named else "is no code or name"
        raise InputError(f"{single[:64]!r} {what} of head {head.name}", field=head.name)
    return named[0]


def _single(head: Head, value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("choices") or value.get("taxonomy")
    while isinstance(value, list):
        inner = [item for item in value if isinstance(item, list)]
        if not value or (len(value) > 1 and (inner or head.kind != "tree")):
            raise InputError(f"expected one label, got {kind_of(value)}", field=head.name)
        value = value[-1]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"expected a code, got {kind_of(value)}", field=head.name)
    return str(value).strip()


def time_of(value: Any, field: str) -> datetime | None:
    """An aware time; one without offset is taken as Asia/Shanghai. Raises InputError."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError as error:
            raise InputError(
                "expected a time like 2026-11-22T09:30:00+08:00", field=field
            ) from error
    if not isinstance(value, datetime):
        raise InputError(f"expected a time, got {kind_of(value)}", field=field)
    try:
        return aware(value)
    except ValueError as error:
        raise InputError(str(error), field=field) from error


def aware(value: datetime) -> datetime:
    """A time with its zone, by default China's. Raises ValueError outside 2000 to 2099."""
    value = value.replace(tzinfo=SHANGHAI) if value.tzinfo is None else value
    if not 2000 <= value.year < 2100:
        raise ValueError("expected a time from 2000 to 2099")
    return value


def role_of(value: Any, field: str) -> Role:
    """One of the roles. Raises InputError."""
    for role in get_args(Role):
        if value == role:
            return role  # type: ignore[no-any-return]
    raise InputError(f"expected one of {', '.join(get_args(Role))}", field=field)


def share_of(value: Any, field: str) -> float | None:
    """A probability above 0 and up to 1. Raises InputError."""
    if value is None or value == "":
        return None
    try:
        share = float(value)
    except (TypeError, ValueError):
        share = 0.0
    if not 0 < share <= 1:
        raise InputError("expected a probability above 0 and up to 1", field=field)
    return share


def word_of(value: Any, field: str, longest: int) -> str | None:
    """A short text, None for an empty one. Raises InputError."""
    if value is None or value == "":
        return None
    # PostgreSQL holds no NUL.
    text = str(value).replace("\x00", "\ufffd").strip()
    if len(text) > longest:
        raise InputError(f"expected at most {longest} characters, got {len(text)}", field=field)
    return text or None
