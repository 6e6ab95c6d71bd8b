"""`suda customer export|erase`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from data.errors import ConflictError, InputError, NotFoundError
from data.pii.mask import mask
from serving.cli.console import err, progress
from serving.cli.private import private
from serving.cli.store import actor, now, store
from serving.settings import Settings
from serving.store import audit, disclosure, privacy
from serving.store.privacy import Held, Wanted
from serving.store.scrub import scrub

app = typer.Typer(no_args_is_help=True, help="One customer's data: give out, erase.")

_Field = Annotated[
    str | None,
    typer.Option(metavar="NAME=VALUE", help="Of the complaints' metadata, like customer_id=7."),
]
_Ids = Annotated[
    list[str] | None, typer.Option("--id", help="A complaint's id, ours or yours; repeatable.")
]


@app.command()
def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="JSON Lines file.")],
    field: _Field = None,
    id_: _Ids = None,
    unmasked: Annotated[
        bool, typer.Option("--unmasked", help="With numbers and names; needs --why.")
    ] = False,
    why: Annotated[str, typer.Option(help="For the audit trail.")] = "",
) -> None:
    """Write all that is kept of one customer's complaints, personal data masked."""
    if unmasked and not why:
        raise InputError("expected the reason for giving out unmasked data", field="--why")
    with store() as (_, sessions):
        held = _find(sessions, _wanted(field, id_))
        details = {
            "complaints": held.complaints,
            "texts": held.texts,
            "masked": not unmasked,
            "why": mask(why).text,
        }
        with private(output) as file:
            with sessions() as session:
                for item in disclosure.export(session, held, masked=not unmasked):
                    file.write(orjson.dumps(item) + b"\n")
            with sessions.begin() as session:
                audit.record(
                    session, actor(), "customer.exported", "complaints", details, now=now()
                )
    err.print(f"{len(held)} in {output}", soft_wrap=True)


@app.command()
def erase(
    why: Annotated[str, typer.Option(help="For the audit trail.")],
    field: _Field = None,
    id_: _Ids = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; else only say what.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also what must be kept for three years by law.")
    ] = False,
) -> None:
    """Blank one customer's words for good; codes, times and the audit trail stay.

    What 令2020-5 Art. 44 wants kept for three years is left alone unless forced.
    """
    with store() as (engine, sessions):
        held = _find(sessions, _wanted(field, id_))
        before = privacy.cutoff(now(), max(Settings().retention_days, privacy.MINIMUM_DAYS))
        with sessions() as session:
            young = privacy.younger(session, held, before)
        if young and not force:
            raise ConflictError(
                f"{len(young)} of {len(held)} must still be kept (三年保存期, 令2020-5 Art. 44); "
                "--force erases them all the same",
                field="customer",
            )
        if apply:
            erase_held(engine, sessions, held, "customer.erased", why)
        _report(held, apply)


def erase_held(
    engine: Engine, sessions: sessionmaker[Session], held: Held, action: str, why: str
) -> None:
    """Erase in parts, each its own transaction, then clear the database's files."""
    with progress() as bar:
        task = bar.add_task("erasing", total=len(held))
        for part in privacy.parts(held):
            with sessions.begin() as session:
                privacy.erase(session, part, action, why, actor(), now())
            bar.advance(task, len(part))
    scrub(engine)


def _report(held: Held, applied: bool) -> None:
    done = "erased" if applied else "to be erased; --apply does it"
    what = f"{len(held.complaints)} complaints and {len(held.texts)} labelled texts"
    err.print(f"{what}{f', {len(held.rows)} rows of jobs' if held.rows else ''} {done}")


def _find(sessions: sessionmaker[Session], wanted: Wanted) -> Held:
    with sessions() as session:
        held = privacy.find(session, wanted)
    if not held:
        raise NotFoundError("nothing is kept of them", field="customer")
    return held


def _wanted(field: str | None, ids: list[str] | None) -> Wanted:
    name, equals, value = (field or "").partition("=")
    if field and not (name and equals and value):
        raise InputError("expected NAME=VALUE", field="--field")
    return Wanted(name or None, value or None, tuple(ids or ()))
