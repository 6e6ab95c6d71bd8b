"""The audit trail in words: what was done, to what, and what else was written down."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from serving.cases.machine import machine
from serving.web.formats import when
from serving.web.labels import Labels
from serving.web.people import People

_TABLE = Path(__file__).with_suffix(".yaml")
_LONGEST: Final = 80
_TIMES: Final = frozenset({"at", "made_at", "expires_at", "old_expires_at", "since"})
_PLAIN: Final = {None: "—", True: "是", False: "否"}


@functools.cache
def table() -> Mapping[str, Mapping[str, Any]]:
    """Names by kind and code, read once."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(_TABLE.read_text(encoding="utf-8"))
    return found


def actions() -> dict[str, str]:
    """Names of all actions, by their codes."""
    events = {f"case.{kind}": found.name for kind, found in machine().kinds.items()}
    return {**table()["action"], **events}


def action(code: str) -> str:
    """What was done; an unknown code is its own name."""
    return actions().get(code, code)


def subject(code: str, people: People, labels: Labels | None) -> str:
    """To what: 用户 张伟, of user:zhangwei."""
    kind, _, about = code.partition(":")
    if kind == "user":
        about = people.name(about)
    elif kind == "key":
        about = people.keys.get(about, about)
    elif kind == "department" and labels:
        about = labels.department(about)
    name = table()["subject"].get(kind, kind)
    return f"{name} {about}" if about else name


def details(found: Mapping[str, Any], labels: Labels | None) -> list[tuple[str, str]]:
    """What else was written down, as names and values."""
    names = table()["detail"]
    return [(names.get(key, key), _cut(_value(key, value, labels))) for key, value in found.items()]


def _value(key: str, value: Any, labels: Labels | None) -> str:
    if value is None or isinstance(value, bool):
        return _PLAIN[value]
    if isinstance(value, list):
        return "、".join(_value(key, one, labels) for one in value)
    if key == "labels" and isinstance(value, dict) and labels:
        return "、".join(labels.name(h, c) if h in labels.taxonomy else c for h, c in value.items())
    if not isinstance(value, str):
        return orjson.dumps(value).decode()
    if key in _TIMES:
        return _time(value)
    if key == "department" and labels:
        return labels.department(value)
    known: str = table()["value"].get(key, {}).get(value, value)
    return known


def _time(written: str) -> str:
    try:
        return when(datetime.fromisoformat(written))
    except ValueError:
        return written


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
