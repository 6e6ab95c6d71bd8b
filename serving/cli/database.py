"""`suda database show|upgrade|downgrade|backup|restore`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from data.errors import ConflictError, InputError
from data.pii.mask import mask
from serving.cli.console import err, out
from serving.cli.store import actor, now
from serving.security.encryption import TextKeys
from serving.settings import Settings
from serving.store import audit, backup, revisions
from serving.store.database import connect, downgrade, migrate
from serving.store.faults import translated

app = typer.Typer(no_args_is_help=True, help="The store: its schema, backup and restore.")


@app.command()
def show() -> None:
    """The schema that is there, and the one that this version wants; changes nothing."""
    with _engine() as engine:
        found = revisions.current(engine)
    newest = revisions.known()[-1]
    state = "up to date" if found == newest else "to be upgraded"
    if found is not None and found not in revisions.known():
        state = "of a newer version of Suda"
    out.print(f"{engine.dialect.name}: {found or 'empty'}, this version has {newest}: {state}")


@app.command()
def upgrade() -> None:
    """Bring the schema up to date, as `suda serve` does when it starts."""
    with _engine() as engine:
        before = revisions.current(engine)
        migrate(engine)
        after = revisions.current(engine)
    err.print(f"{before or 'empty'} → {after}")


@app.command("downgrade")
def downgrade_(
    revision: Annotated[str, typer.Argument(help="The older version's, as its `show` names it.")],
    why: Annotated[str, typer.Option(help="For the audit trail.")],
    drop: Annotated[
        bool, typer.Option("--drop", help="Yes: what only newer tables hold is lost.")
    ] = False,
) -> None:
    """Take the schema back, with the newer version still installed and no service running."""
    if revision not in revisions.known():
        raise InputError(f"expected one of {', '.join(revisions.known())}", field="revision")
    if not drop:
        raise InputError("what only newer tables hold will be lost; say --drop", field="downgrade")
    with _engine() as engine:
        before = revisions.current(engine)
        migrate(engine)
        with Session(engine) as session, session.begin():
            details = {"from": before, "to": revision, "why": mask(why).text}
            audit.record(session, actor(), "store.downgraded", "store", details, now=now())
        downgrade(engine, revision)
    err.print(f"{before} → {revision}; now start the older version")


@app.command("backup")
def backup_(
    folder: Annotated[Path, typer.Argument(help="Gets a directory of its own for each backup.")],
) -> None:
    """Copy store and models while the service runs; print where to."""
    settings, at = Settings(), now()
    target = folder / f"suda-{at:%Y%m%dT%H%M%SZ}"
    with _engine() as engine:
        manifest = backup.backup(engine, target, settings.registry, at, _text_key(settings))
    typer.echo(str(target))
    err.print(f"{', '.join(manifest.files)}; audit trail to entry {manifest.audit_seq}")
    if manifest.text_key:
        err.print(f"texts are encrypted with key {manifest.text_key}, which is not in the backup")


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="Directory that `backup` made.")],
) -> None:
    """Fill an empty database and registry; then check the audit trail against the backup."""
    settings = Settings()
    manifest = backup.read(source)
    _check_text_key(settings, manifest)
    with _engine() as engine:
        backup.restore(engine, source, settings.registry)
        verdict = backup.check(engine, manifest)
        if not verdict.intact:
            raise ConflictError(f"entry {verdict.breaks[0].seq} {verdict.breaks[0].why}")
        migrate(engine)
        with Session(engine) as session, session.begin():
            details = {"made_at": manifest.made_at, "revision": manifest.revision}
            audit.record(session, actor(), "store.restored", "store", details, now=now())
    err.print(f"restored as of {manifest.made_at}; {verdict.checked} entries of the trail intact")


@contextmanager
def _engine() -> Iterator[Engine]:
    """The database as it is, without bringing it up to date. Raises StoreDownError."""
    settings = Settings()
    engine = connect(settings.database_url, settings)
    try:
        yield engine
    except SQLAlchemyError as error:
        raise translated(error) from error
    finally:
        engine.dispose()


def _text_key(settings: Settings) -> str | None:
    """Name of the key that encrypts."""
    secret = settings.text_key
    return TextKeys.parse(secret.get_secret_value()).current.hex() if secret else None


def _check_text_key(settings: Settings, manifest: backup.Manifest) -> None:
    if manifest.text_key is None:
        return
    given = settings.text_key.get_secret_value().split(",") if settings.text_key else []
    if manifest.text_key not in {TextKeys.parse(part).current.hex() for part in given}:
        raise InputError(
            f"the backup's texts are encrypted with key {manifest.text_key}, which is not among "
            "those set",
            field="SUDA_TEXT_KEY",
        )
