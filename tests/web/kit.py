"""The pages of a running application, asked by people of every role."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import delete

from serving.api.app import create_app
from serving.security.passwords import hashed
from serving.security.roles import Role, User
from serving.settings import Settings
from serving.store import audit, sessions, users
from serving.store.rows.web import AttemptRow, FlowRow, SessionRow, UserRow
from serving.store.sessions import Visit

PASSWORD = "x7-kettle-moon"
_numbers = itertools.count()
_NAMES = {"reviewer": "李玲", "lead": "陈芳", "admin": "张伟", "auditor": "赵敏"}


def settings(bundle: Path, directory: Path, **given: Any) -> Settings:
    """Settings over a toy bundle and an empty SQLite file."""
    url = f"sqlite:///{directory}/web-{next(_numbers)}/suda.sqlite3"
    return Settings(bundle=bundle, database_url=url, **given)


@contextmanager
def opened(given: Settings, app: FastAPI | None = None) -> Iterator[TestClient]:
    """The application started, with a browser that is nobody and follows no redirects."""
    app = app or create_app(given)
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


def application(client: TestClient) -> FastAPI:
    """What the client asks."""
    app = client.app
    assert isinstance(app, FastAPI)
    return app


def add(client: TestClient, login: str, role: Role, *, password: str | None = None) -> User:
    """Somebody who may sign in; with `password` through the form."""
    now = datetime.now(UTC)
    with application(client).state.sessions.begin() as session:
        person = users.Person(login, _NAMES[role], role)
        user = users.add(session, person, None, "tests", now)
        if password:
            kept = hashed(password)
            users.set_password(session, user.id, kept, "tests", now, must_change=False)
    return user


def reset(client: TestClient) -> None:
    """Nobody there, nothing failed, nothing recorded: as good as a new store, and faster."""
    state = application(client).state
    with state.sessions.begin() as session:
        for table in (FlowRow, AttemptRow, SessionRow, UserRow):
            session.execute(delete(table))
        state.recorded_before = audit.head(session).seq
    state.entrance = None


class Browser:
    """One browser: its own cookies, and the token of its session."""

    def __init__(self, client: TestClient) -> None:
        self.client = TestClient(
            application(client), raise_server_exceptions=False, follow_redirects=False
        )
        self.csrf = ""

    def get(self, path: str, **headers: str) -> Any:
        """Load a page."""
        return self.client.get(path, headers=headers)

    def post(self, path: str, **form: str) -> Any:
        """Send a form with the session's token."""
        return self.client.post(path, data={"csrf_token": self.csrf, **form})

    def load(self, path: str) -> str:
        """A page, and from it the token."""
        text: str = self.get(path).text
        found = re.search(r'name="csrf_token" value="([^"]*)"', text)
        self.csrf = found[1] if found else ""
        return text

    def sign_in(self, login: str, password: str = PASSWORD, wanted: str = "") -> Any:
        """Through the form."""
        self.load("/ui/signin")
        return self.post("/ui/signin", login=login, password=password, next=wanted)


def visitor(client: TestClient) -> Browser:
    """A browser that nobody is signed in with."""
    return Browser(client)


def signed_in(client: TestClient, role: Role, login: str | None = None) -> Browser:
    """A browser in which somebody new of that role is signed in."""
    user = add(client, login or f"{role}{next(_numbers)}", role)
    return session_for(client, user.id)


def session_for(client: TestClient, user_id: str, agent: str = "tests") -> Browser:
    """A browser with a new session of a user."""
    state = application(client).state
    now = datetime.now(UTC)
    with state.sessions.begin() as session:
        visit = Visit("testclient", agent)
        token, _ = sessions.start(session, user_id, visit, state.web_lifetime, now)
        session.flush()
        found = sessions.find(session, token, state.web_lifetime, now)
    assert found is not None
    browser = Browser(client)
    browser.client.cookies.set("suda_session", token)
    browser.csrf = found.csrf
    return browser


def recorded(client: TestClient, *actions: str) -> list[tuple[str, str, str]]:
    """Actor, action and subject of the audit entries with these actions, in their order."""
    state = application(client).state
    since = audit.Filter(after=getattr(state, "recorded_before", 0))
    with state.sessions() as session:
        links = list(audit.entries(session, since))
    return [(e.actor, e.action, e.subject) for e in links if e.action in actions]
