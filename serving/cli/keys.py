"""`suda keys create|list|rotate|revoke|text-key|reencrypt`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from data.errors import InputError
from data.pii.mask import mask
from serving.cli.console import err, out, progress
from serving.cli.store import actor, duration, now, store
from serving.pipeline import Pipeline
from serving.policies.active import held
from serving.security.encryption import new_key
from serving.security.keys import SCOPES, ApiKey, Minted
from serving.settings import Settings
from serving.store import audit, keys
from serving.store.reencrypt import reencrypt as reencrypt_rows
from serving.store.reencrypt import total

app = typer.Typer(no_args_is_help=True, help="API keys, and the key that encrypts complaints.")

_ADMIN = ("admin", "audit")


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Whose or what the key is for.")] = "",
    scope: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(SCOPES)}; repeatable.")
    ] = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="An administrator: scopes admin and audit.")
    ] = False,
    expires: Annotated[str, typer.Option(help="Time span like 90d, or never.")] = "365d",
    rate: Annotated[int | None, typer.Option(min=1, help="Texts a minute.")] = None,
    department: Annotated[
        str | None,
        typer.Option(help="Instead of scopes: the code of the one whose events alone it tells."),
    ] = None,
) -> None:
    """Make a key. It goes to standard output, once; the database has its hash only."""
    scopes = keys.scopes_of([*(scope or ()), *(_ADMIN if admin else ())])
    at = now()
    end = None if expires == "never" else at + duration(expires, "--expires")
    called = name or department or ("admin" if admin else "+".join(sorted(scopes)))
    wish = keys.Wish(called, scopes, end, rate, department)
    pipeline = Pipeline.open(Settings()) if department is not None else None
    with store() as (_, sessions), sessions.begin() as session:
        if pipeline is not None:
            policies = held(session, pipeline.taxonomy).policies or pipeline.policies
            policies.at(at).router.check_known(department)
        minted = keys.create(session, wish, actor(), at)
    _hand_over(minted)


@app.command("list")
def list_() -> None:
    """All keys ever made; their secrets nobody has."""
    with store() as (_, sessions), sessions() as session:
        found = keys.listed(session)
    table = Table(box=None, pad_edge=False)
    for column in ("id", "name", "scopes", "rate", "made", "expires", "last used", "state"):
        table.add_column(column, overflow="fold")
    at = now()
    for key in found:
        table.add_row(
            key.id,
            key.name,
            ", ".join(sorted(key.scopes)) or f"department {key.department}",
            str(key.rate or "—"),
            _day(key.created_at),
            _day(key.expires_at),
            _day(key.last_used_at),
            _state(key, at),
        )
    out.print(table)


@app.command()
def rotate(
    key_id: Annotated[str, typer.Argument(metavar="ID")],
    overlap: Annotated[str, typer.Option(help="How long the old key still holds.")] = "7d",
) -> None:
    """Make a successor with the same rights; both hold during the overlap."""
    at = now()
    with store() as (_, sessions), sessions.begin() as session:
        minted = keys.rotate(session, key_id, duration(overlap, "--overlap"), actor(), at)
    _hand_over(minted)
    err.print(f"{key_id} holds for another {overlap}")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID")],
    why: Annotated[str, typer.Option(help="For the audit trail.")],
) -> None:
    """End a key; a running service refuses it within five seconds."""
    with store() as (_, sessions), sessions.begin() as session:
        keys.revoke(session, key_id, mask(why).text, actor(), now())
    err.print(f"{key_id} revoked")


@app.command("text-key")
def text_key() -> None:
    """Print a random key for SUDA_TEXT_KEY. Without it, what it encrypted is lost."""
    typer.echo(new_key())


@app.command()
def reencrypt() -> None:
    """Encrypt all stored words with the first key of SUDA_TEXT_KEY, plain ones too."""
    if Settings().text_key is None:
        raise InputError("is not set; `suda keys text-key` makes one", field="SUDA_TEXT_KEY")
    with store() as (engine, sessions):
        with progress() as bar:
            task = bar.add_task("encrypting", total=total(engine))
            done = reencrypt_rows(engine, lambda rows: bar.advance(task, rows))
        with sessions.begin() as session:
            audit.record(session, actor(), "text.reencrypted", "store", {"rows": done}, now=now())
    err.print(f"{done} encrypted with the first key; the others may go")


def _hand_over(minted: Minted) -> None:
    typer.echo(minted.token)
    err.print(f"key {minted.id}; it is not shown again", highlight=False)


def _day(at: datetime | None) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M") if at else "—"


def _state(key: ApiKey, at: datetime) -> str:
    if key.revoked_at:
        return "revoked"
    return "open" if key.usable(at) else "expired"
