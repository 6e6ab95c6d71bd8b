"""`suda users add|list|disable|enable|reset|unlock`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.orm import Session

from data.errors import NotFoundError
from serving.cli.console import err, out
from serving.cli.store import actor, now, store
from serving.security.passwords import check_password, generated, hashed
from serving.security.roles import ROLES
from serving.store import users
from serving.store.rows.web import UserRow
from serving.store.unlock import unlock as forget_failures

app = typer.Typer(no_args_is_help=True, help="People who sign in to the workbench.")

_Login = Annotated[str, typer.Argument(metavar="LOGIN")]
_Generate = Annotated[
    bool, typer.Option("--generate", help="Print a random password once instead of asking for one.")
]


@app.command()
def add(
    login: _Login,
    role: Annotated[str, typer.Option(help=f"One of {', '.join(ROLES)}.")],
    name: Annotated[str, typer.Option(help="As colleagues know them; else the login.")] = "",
    branch: Annotated[str, typer.Option(help="Only this branch's complaints.")] = "",
    department: Annotated[str, typer.Option(help="Only this department's complaints.")] = "",
    generate: _Generate = False,
) -> None:
    """Add somebody. The password must be changed at the first sign-in."""
    person = users.Person(
        login.lower(), name or login, users.role_of(role), branch or None, department or None
    )
    password = _password(generate, person.login, person.name)
    with store() as (_, sessions), sessions.begin() as session:
        users.add(session, person, hashed(password), actor(), now())
    _hand_over(generate, password)
    err.print(f"{person.login} may sign in as {person.role}", highlight=False)


@app.command("list")
def list_() -> None:
    """Everybody who may sign in."""
    with store() as (_, sessions), sessions() as session:
        found = users.listed(session)
    table = Table(box=None, pad_edge=False)
    for column in ("login", "name", "role", "branch", "department", "last sign-in", "state"):
        table.add_column(column, overflow="fold")
    for one in found:
        user = one.user
        table.add_row(
            user.login,
            user.name,
            user.role,
            user.branch or "—",
            user.department or "—",
            _time(one.last_login_at),
            _state(one),
        )
    out.print(table)


@app.command()
def disable(login: _Login) -> None:
    """Let somebody in no more; their sessions end at once."""
    _each(login, lambda s, row: users.disable(s, row.id, actor(), now()))
    err.print(f"{login} disabled", highlight=False)


@app.command()
def enable(login: _Login) -> None:
    """Let somebody in again."""
    _each(login, lambda s, row: users.enable(s, row.id, actor(), now()))
    err.print(f"{login} enabled", highlight=False)


@app.command()
def reset(login: _Login, generate: _Generate = False) -> None:
    """Set another password, which must be changed at the next sign-in; sessions end."""
    with store() as (_, sessions), sessions() as session:
        name = _row(session, login).name
    password = _password(generate, login, name)
    kept = hashed(password)

    def write(session: Session, row: UserRow) -> None:
        users.set_password(session, row.id, kept, actor(), now(), must_change=True)
        forget_failures(session, row.id, actor(), now())

    _each(login, write)
    _hand_over(generate, password)
    err.print(f"{login} has a new password", highlight=False)


@app.command()
def unlock(login: _Login) -> None:
    """Forget failed sign-ins."""
    _each(login, lambda s, row: forget_failures(s, row.id, actor(), now()))
    err.print(f"{login} unlocked", highlight=False)


def _each(login: str, work: Callable[[Session, UserRow], object]) -> None:
    with store() as (_, sessions), sessions.begin() as session:
        work(session, _row(session, login))


def _row(session: Session, login: str) -> UserRow:
    row = users.by_login(session, login)
    if row is None:
        raise NotFoundError("no such user; `suda users list` shows all", field="login")
    return row


def _password(generate: bool, *about: str) -> str:
    password = generated() if generate else _asked()
    check_password(password, *about)
    return password


def _asked() -> str:
    answer: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return answer


def _hand_over(generate: bool, password: str) -> None:
    if generate:
        typer.echo(password)
        err.print("it is not shown again")


def _time(at: datetime | None) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M") if at else "—"


def _state(one: users.Account) -> str:
    if one.disabled_at:
        return "disabled"
    return "must change password" if one.user.must_change else "open"
