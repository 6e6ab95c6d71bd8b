"""`suda audit verify|anchor|export`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

from data.errors import FileFormatError
from serving.cli.console import err, out
from serving.cli.store import actor, now, store
from serving.security.audit import Anchor, Link, Verdict, anchor_of, link_of, to_json
from serving.security.audit import verify as verify_links
from serving.store import audit

app = typer.Typer(no_args_is_help=True, help="The audit trail: check, anchor, export.")

_SHOWN = 20


@app.command()
def verify(
    anchor: Annotated[
        list[Path] | None, typer.Option(help="File of `suda audit anchor`; repeatable.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="An export instead of the database.")] = None,
) -> None:
    """Check every entry; exit status 1 where one was changed, taken out or cut off.

    Someone who may rewrite the whole database can write a whole new chain: only an anchor kept
    elsewhere shows that.
    """
    anchors = [known for path in anchor or () for known in _anchors(path)]
    verdict = verify_links(_links(file), anchors) if file else _verify_store(anchors)
    for fault in verdict.breaks[:_SHOWN]:
        err.print(f"[red]✗[/] entry {fault.seq} {fault.why}", highlight=False)
    if len(verdict.breaks) > _SHOWN:
        err.print(f"… and {len(verdict.breaks) - _SHOWN} more")
    if not verdict.intact:
        raise typer.Exit(1)
    against = f" and {len(anchors)} anchors" if anchors else ""
    out.print(f"✓ {verdict.checked} entries{against} intact; head {verdict.head.hash}")


@app.command()
def anchor(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to add a line to.")
    ] = None,
) -> None:
    """Number and hash of the last entry, to be kept where nobody of the database can write."""
    with store() as (_, sessions), sessions() as session:
        head = audit.head(session)
    line = orjson.dumps({"seq": head.seq, "hash": head.hash, "at": now().isoformat()}).decode()
    if output is None:
        typer.echo(line)
        return
    with output.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


@app.command()
def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="JSON Lines file.")],
    since: Annotated[datetime | None, typer.Option(help="Only entries from then on.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this action.")] = None,
) -> None:
    """Write entries to a file; a whole export can be checked with `verify --file`."""
    with store() as (_, sessions):
        with sessions() as session, output.open("wb") as file:
            count = 0
            for link in audit.entries(session, audit.Filter(action=action)):
                if since is None or datetime.fromisoformat(link.at) >= since.astimezone():
                    file.write(to_json(link) + b"\n")
                    count += 1
        with sessions.begin() as session:
            details = {"entries": count, "since": since and since.isoformat(), "action": action}
            audit.record(session, actor(), "audit.exported", "audit", details, now=now())
    err.print(f"{count} entries in {output}", soft_wrap=True)


def _verify_store(anchors: list[Anchor]) -> Verdict:
    with store() as (_, sessions), sessions() as session:
        return audit.verify(session, anchors)


def _anchors(path: Path) -> Iterator[Anchor]:
    for line in _lines(path):
        yield anchor_of(line)


def _links(path: Path) -> Iterator[Link]:
    for line in _lines(path):
        yield link_of(line)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from (line for line in file if line.strip())
    except OSError as error:
        raise FileFormatError(f"cannot be read: {error.strerror}", field=str(path)) from error
