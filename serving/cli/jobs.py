"""`suda jobs submit|list|show|pause|cancel|resume|errors|result|delete`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, get_args

import typer
from pydantic import ValidationError
from rich.table import Table

from data.errors import FileFormatError, InputError
from serving.api.problems import of_item
from serving.cli.console import err, out
from serving.cli.private import private
from serving.cli.store import actor, now, store
from serving.jobs import results
from serving.jobs.load import Incoming
from serving.jobs.means import loader_of
from serving.jobs.options import JobOptions, Saving, suffix_of
from serving.jobs.sealed import Sealed
from serving.settings import Settings
from serving.store import audit, job_items, job_removal, jobs
from serving.store.rows.jobs import JobRow

app = typer.Typer(
    no_args_is_help=True,
    help="Files of complaints that a running service works through in the background.",
)

_PIECE = 1 << 20
_Id = Annotated[str, typer.Argument(metavar="ID")]


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(help="CSV, JSONL or XLSX file, also gzipped.")],
    column: Annotated[
        list[str] | None, typer.Option(metavar="FIELD=COLUMN", help="Like text=投诉内容.")
    ] = None,
    default: Annotated[
        list[str] | None, typer.Option(metavar="FIELD=VALUE", help="Like source=phone.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="How it is listed.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Decide only; store no complaint.")
    ] = False,
) -> None:
    """Read FILE into the store of SUDA_DATABASE_URL; the service on it begins within seconds."""
    saving: Saving = "dry_run" if dry_run else "complaints"
    try:
        options = JobOptions(
            name=name,
            format=None,
            saving=saving,
            columns=_pairs(column, "--column"),
            defaults=_pairs(default, "--default"),
        )
    except ValidationError as error:
        raise InputError(of_item(error)["detail"]) from error
    settings = Settings()
    with store() as (_, sessions), _read(file, settings) as sealed:
        incoming = Incoming(
            sealed, suffix_of(options, file.name), name or file.name, options, actor()
        )
        job, _replayed = loader_of(sessions, settings).load(incoming)
    err.print(f"{job.total} rows, {job.failed} of them bad; see `suda jobs show`")
    typer.echo(job.id)


@app.command("list")
def list_(
    state: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(get_args(jobs.State))}.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1)] = 20,
) -> None:
    """Jobs, newest first."""
    with store() as (_, sessions), sessions() as session:
        found = jobs.listed(session, state=state, limit=limit)
    table = Table(box=None, pad_edge=False)
    for column in ("id", "name", "by", "state", "total", "done", "failed", "review", "a second"):
        table.add_column(column, overflow="fold")
    for job in found:
        shown = results.view(job, now())
        names = ("id", "name", "created_by", "state", "total", "done", "failed", "review")
        table.add_row(*(str(shown[n]) for n in names), f"{shown['rows_per_second']:.1f}")
    out.print(table)


@app.command()
def show(job_id: _Id) -> None:
    """One job."""
    with store() as (_, sessions), sessions() as session:
        shown = results.view(jobs.get(session, job_id), now())
    for name, value in shown.items():
        out.print(f"{name:16} {value if value is not None else '—'}", highlight=False, markup=False)


@app.command()
def pause(job_id: _Id) -> None:
    """Stop a job for now."""
    _turn(job_id, "paused")


@app.command()
def cancel(job_id: _Id) -> None:
    """Stop a job for good; what is decided stays."""
    _turn(job_id, "cancelled")


@app.command()
def resume(
    job_id: _Id,
    failed: Annotated[bool, typer.Option("--failed", help="Try failed rows again, too.")] = False,
) -> None:
    """Go on with a job where it stopped."""
    _turn(job_id, "queued", failed=failed)


@app.command()
def errors(job_id: _Id, limit: Annotated[int, typer.Option(min=1)] = 50) -> None:
    """Rows that failed, and why."""
    with store() as (_, sessions), sessions() as session:
        jobs.get(session, job_id)
        found = job_items.errors(session, job_id, 0, limit)
    for one in found:
        problem = results.entry(one, masked=True)["problem"]
        out.print(f"line {one.line}: {problem['detail']}", markup=False, highlight=False)


@app.command()
def result(
    job_id: _Id,
    output: Annotated[Path, typer.Option("--output", "-o", help="JSONL, CSV or XLSX file.")],
    unmasked: Annotated[
        bool, typer.Option("--unmasked", help="With what decisions quote.")
    ] = False,
) -> None:
    """Write what a job came to, so far."""
    kind = output.suffix.lower().removeprefix(".")
    if kind not in results.MEDIA_TYPES:
        raise FileFormatError("expected .jsonl, .csv or .xlsx", field=str(output))
    with store() as (_, sessions):
        with sessions() as session:
            job = jobs.get(session, job_id)
        details = {"format": kind, "masked": not unmasked, "state": job.state}
        with private(output) as file:
            file.writelines(results.file_of(sessions, job, kind, masked=not unmasked))
            with sessions.begin() as session:
                audit.record(
                    session, actor(), "job.downloaded", f"job:{job_id}", details, now=now()
                )
    err.print(f"{job.done} decided, {job.failed} bad → ", end="")
    err.print(str(output), markup=False, highlight=False, soft_wrap=True)


@app.command()
def delete(job_id: _Id) -> None:
    """Remove a job and its rows; complaints it stored stay."""
    with store() as (_, sessions):
        job_removal.remove(sessions, job_id, actor(), now())
    err.print(f"{job_id} removed")


def _turn(job_id: str, state: jobs.State, *, failed: bool = False) -> None:
    with store() as (_, sessions), sessions.begin() as session:
        job: JobRow = jobs.turn(session, job_id, state, actor(), now(), failed=failed)
    err.print(f"{job_id} {job.state}")


def _pairs(given: list[str] | None, option: str) -> dict[str, str]:
    pairs = [text.partition("=") for text in given or ()]
    if any(not (name and equals and value) for name, equals, value in pairs):
        raise InputError("expected FIELD=VALUE", field=option)
    return {name: value for name, _, value in pairs}


@contextmanager
def _read(file: Path, settings: Settings) -> Iterator[Sealed]:
    if not file.is_file():
        raise FileFormatError("no such file", field=str(file))
    with Sealed(settings.max_job_bytes, settings.job_spool) as sealed:
        with file.open("rb") as source:
            while piece := source.read(_PIECE):
                sealed.write(piece)
        sealed.complete()
        yield sealed
