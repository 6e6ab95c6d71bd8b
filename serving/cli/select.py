"""`suda select`."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import FileFormatError, InputError, MissingExtraError
from data.files import BadRow, check_suffix, read_rows, write_rows
from data.labelled import load_labelled
from model.registry.resolve import resolve
from model.runtime import load as load_bundle
from serving.cli.console import err, out, progress
from serving.cli.simulate import mix_of
from serving.settings import Settings
from serving.triage.policy import load as load_policy
from serving.triage.policy import packs_for

if TYPE_CHECKING:
    from training.selection.select import Selected
    from training.selection.signals import Candidate

_COLUMNS = ["id", "text", "why", "score", "inclusion_probability", "weight"]


def select(
    file: Annotated[
        Path, typer.Argument(help="Unlabelled texts: JSONL, CSV or XLSX, column text.")
    ],
    budget: Annotated[int, typer.Option("-n", "--budget", min=1, help="How many to choose.")] = 100,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="JSONL, CSV or XLSX file to write.")
    ] = None,
    labelled: Annotated[
        Path | None, typer.Option(help="What is labelled already: tells which labels are thin.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Model bundle; default: as it serves.")
    ] = None,
    mix: Annotated[
        str | None, typer.Option(help="Selection, e.g. uncertainty=1,thin=0.5,audit=0.1.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the random audit share.")] = 0,
) -> None:
    """Choose the texts whose labels would teach the model most, and a random audit share.

    Each comes with why it was chosen and with the weight it has in an estimate: one chosen by its
    score stands for itself, one drawn for the audit for several. Rows keep their other columns.
    """
    try:
        from numpy.random import default_rng

        from training.selection.select import counts_of
        from training.selection.select import select as choose
        from training.selection.signals import Reader
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name} is not installed: pip install 'suda[train]'", field="training"
        ) from error
    target = output or file.with_name(f"{file.stem}.selected{file.suffix}")
    check_suffix(target)
    settings = Settings()
    classifier = load_bundle(resolve(bundle or settings.bundle, settings.registry))
    taxonomy = classifier.taxonomy
    pool = candidates(file)
    counts = counts_of(load_labelled(labelled, taxonomy), taxonomy) if labelled else None
    reader = Reader(
        load_policy(settings.policy or packs_for(taxonomy), taxonomy), datetime.now(UTC)
    )
    with progress() as bar:
        task = bar.add_task("reading", total=len(pool))
        signals = reader.read(pool, classifier, lambda n: bar.update(task, completed=n))
        bar.update(task, description="choosing")
        chosen = choose(signals, taxonomy, budget, mix_of(mix), default_rng(seed), counts)
    _write(target, chosen, pool)
    why = Counter(one.why[0].split(":")[0] if one.why else "score" for one in chosen)
    shares = ", ".join(f"{name} {n}" for name, n in why.most_common())
    out.print(f"{len(chosen)} of {len(pool)} by {classifier.version}: {shares}", soft_wrap=True)
    err.print(f"→ {target}", soft_wrap=True)


def candidates(path: Path) -> list[Candidate]:
    """Texts of a file; a row without an id is named by its line.

    Raises FileFormatError naming file and line for a row without a text or with an id used before.
    """
    from training.selection.signals import Candidate

    found: dict[str, Candidate] = {}
    for row in read_rows(path):
        where = f"{path}:{row.line}"
        if isinstance(row, BadRow):
            raise FileFormatError(row.message, field=where)
        text = row.values.get("text")
        if not isinstance(text, str) or not text.strip():
            raise FileFormatError("expected a text in the column text", field=where)
        name = str(row.values.get("id") or f"{path.stem}-{row.line}")
        if name in found:
            raise FileFormatError(f"id {name} is there twice", field=where)
        found[name] = Candidate(name, text, row.values)
    if not found:
        raise InputError("holds no text to choose from", field=str(path))
    return list(found.values())


def _write(path: Path, chosen: list[Selected], pool: list[Candidate]) -> None:
    texts = {one.id: one for one in pool}
    rows = [{**texts[one.id].fields, "text": texts[one.id].text, **one.as_json()} for one in chosen]
    if path.suffix.lower() != ".jsonl":
        rows = [{**row, "why": " ".join(row["why"])} for row in rows]
    extra = [name for row in rows for name in row if name not in _COLUMNS]
    write_rows(path, rows, [*_COLUMNS, *dict.fromkeys(extra)])
