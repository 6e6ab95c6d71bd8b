"""Who did something, as people read it: the name behind a login, a key, or a command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.store.rows.web import UserRow
from serving.store.tables import ApiKeyRow

# A new name may be read so much later; asking for every page would be waste.
_FRESH = timedelta(seconds=5)
_OURS: Final = {"suda": "系统", "serve": "系统", "demo": "演示", "visitor": "未登录访客"}


@dataclass(frozen=True, slots=True)
class People:
    """Names by login and by the id of a key; who is not known is their own name."""

    logins: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)

    def name(self, login: str | None) -> str:
        """The name of somebody with a login."""
        return self.logins.get(login, login) if login else "—"

    def who(self, actor: str | None) -> str:
        """The name of an actor of the audit trail, such as user:zhangwei, key:… or cli:ops."""
        kind, _, rest = (actor or "").partition(":")
        if kind == "user":
            return self.name(rest)
        if kind == "key":
            return f"密钥 {self.keys.get(rest, rest)}"
        if kind == "cli":
            return f"命令行 {rest}"
        return _OURS.get(kind, actor or "—")


class Directory:
    """The people of a store, read anew once they are a few seconds old."""

    def __init__(self) -> None:
        self._found = People()
        self._until: datetime | None = None

    def people(self, session: Session, now: datetime) -> People:
        """All names, also of those who may no longer sign in."""
        if self._until is None or now >= self._until:
            users = session.execute(select(UserRow.login, UserRow.name)).all()
            keys = session.execute(select(ApiKeyRow.id, ApiKeyRow.name)).all()
            self._found = People(dict(users), dict(keys))
            self._until = now + _FRESH
        return self._found
