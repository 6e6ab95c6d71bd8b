"""`suda feedback import|export`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from sqlalchemy.orm import Session

from data.errors import InputError, SudaError
from data.exchange import label_studio
from data.exchange.formats import Format, detect, read
from data.exchange.formats import write as write_file
from data.exchange.judgement import Judgement, Refused, judgements
from data.exchange.row import Defaults
from data.exchange.values import role_of, time_of
from data.pii.mask import mask
from data.taxonomy.load import DEFAULT_PATH
from data.taxonomy.load import load as load_taxonomy
from data.taxonomy.schema import Taxonomy
from serving.cli.console import err, progress
from serving.cli.store import actor
from serving.cli.store import store as open_store
from serving.feedback import Taken, take
from serving.security.audit import Record
from serving.store import audit, label_texts

app = typer.Typer(no_args_is_help=True, help="What people decided: label records in and out.")

TaxonomyOption = Annotated[Path, typer.Option(help="Taxonomy file.")]
_PAGE = 200


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="Files, or saved datasets.", metavar="FILE…")],
    taxonomy: TaxonomyOption = DEFAULT_PATH,
    kind: Annotated[
        Format | None, typer.Option("--format", help="Unset: told by the content.")
    ] = None,
    who: Annotated[str | None, typer.Option(help="Who judged, where a row does not say.")] = None,
    role: Annotated[
        str, typer.Option(help="review, adjudication, department or customer.")
    ] = "review",
) -> None:
    """Record labels from files; exit status 3 if any row was refused.

    A row names a complaint by our id or by source and external_id, or brings its own text, which is
    then kept. Importing the same file again records nothing twice.
    """
    heads = load_taxonomy(taxonomy)
    defaults = Defaults(who, role_of(role, "--role"))
    bad = 0
    for path in files:
        items = list(read(path, heads, defaults, kind))
        refused = [item for item in items if isinstance(item, Refused)]
        good = [item for item in items if isinstance(item, Judgement)]
        taken = _import(good, heads, f"file:{kind or detect(path)}")
        for row in refused:
            err.print(f"{path} line {row.line}: {row.message}", highlight=False, markup=False)
        for item, answer in zip(good, taken, strict=True):
            if isinstance(answer, SudaError):
                named = item.id or item.external_id or "text"
                err.print(f"{path} {named}: {answer}", highlight=False, markup=False)
        stored = [answer for answer in taken if isinstance(answer, Taken)]
        known = sum(answer.replayed for answer in stored)
        bad += len(items) - len(stored)
        err.print(
            f"{path}: {len(stored) - known} recorded, {known} known already, "
            f"{len(items) - len(stored)} refused",
            soft_wrap=True,
        )
    if bad:
        raise typer.Exit(3)


@app.command("export")
def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="File, or directory to make.")],
    kind: Annotated[Format, typer.Option("--format", help="Format to write.")] = Format.jsonl,
    since: Annotated[
        str | None, typer.Option(help="Texts that got a record since, e.g. 2026-11-01.")
    ] = None,
    taxonomy: TaxonomyOption = DEFAULT_PATH,
    unmasked: Annotated[
        bool, typer.Option(help="Leave personal data as it is; needs --why.")
    ] = False,
    why: Annotated[str | None, typer.Option(help="For the audit trail.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="Also write the labelling interface for Label Studio.")
    ] = None,
) -> None:
    """Write every judgement with its text, one a row; personal data masked."""
    if unmasked and not why:
        raise InputError("expected the reason for leaving personal data unmasked", field="--why")
    heads = load_taxonomy(taxonomy)
    moment = time_of(since, "--since")
    with open_store() as (_, sessions):
        with sessions() as session, progress() as bar:
            items = _judgements(session, moment, masked=not unmasked, bar=bar)
        n = write_file(output, items, heads, kind)
        if config is not None:
            config.write_text(label_studio.config(heads), encoding="utf-8")
        details = {"format": str(kind), "judgements": n, "masked": not unmasked}
        details |= {"why": mask(why).text} if why else {}
        with sessions.begin() as session:
            record = Record(actor(), "labels.exported", "labels", details)
            audit.append(session, [record], datetime.now(UTC))
    err.print(f"{n} judgements → {output}", soft_wrap=True)


def _judgements(
    session: Session, since: datetime | None, *, masked: bool, bar: Progress
) -> list[Judgement]:
    task = bar.add_task("exporting", total=None)
    items: list[Judgement] = []
    for done, item in enumerate(label_texts.feedback(session, since), 1):
        text = mask(item.text).text if masked else item.text
        items += judgements(replace(item, text=text))
        bar.update(task, completed=done)
    return items


def _import(items: list[Judgement], taxonomy: Taxonomy, via: str) -> list[Taken | SudaError]:
    answers: list[Taken | SudaError] = []
    with open_store() as (_, sessions), progress() as bar:
        task = bar.add_task("importing", total=len(items))
        for start in range(0, len(items), _PAGE):
            now = datetime.now(UTC)
            with sessions.begin() as session:
                page = take(session, items[start : start + _PAGE], taxonomy, now, via)
                new = sum(isinstance(a, Taken) and not a.replayed for a in page)
                if new:
                    record = Record(actor(), "labels.imported", "labels", {"judgements": new})
                    audit.append(session, [record], now)
            answers += page
            bar.update(task, advance=len(page))
    return answers
