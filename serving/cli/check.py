"""`suda data check`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from data.checks.check import Check, Context, Finding, Reference, Row, Signals
from data.checks.personal import Personal
from data.checks.read import read
from data.checks.run import Report, run, standard
from data.checks.thin import FEWEST, ThinClasses
from data.errors import MissingExtraError
from data.files import write_rows
from data.labelled import LabelledText, load_labelled
from data.quality.coverage import counts
from data.quality.diversity import shape
from data.quality.templates import RUN, shared_runs
from data.splits import partition
from data.taxonomy.load import DEFAULT_PATH
from data.taxonomy.load import load as load_taxonomy
from data.taxonomy.schema import Taxonomy
from data.text.normalise import normalise
from model.classifier import Classifier
from model.registry.resolve import answers, resolve
from model.runtime import load as load_bundle
from serving.cli.console import err, out, progress
from serving.cli.train import CORPUS
from serving.settings import Settings

# As many texts of the champion's training set tell its distributions well enough.
_REFERENCE = 2_000


def check(
    data: Annotated[
        list[Path] | None,
        typer.Argument(help="Labelled files, or directories of JSONL.", metavar="FILE…"),
    ] = None,
    taxonomy: Annotated[Path, typer.Option(help="Taxonomy file.")] = DEFAULT_PATH,
    against: Annotated[
        Path | None, typer.Option(help="Other texts that must not be repeated (e.g. held-out).")
    ] = None,
    similarity: Annotated[float, typer.Option(help="Near-duplicate from this on.")] = 0.5,
    personal: Annotated[bool, typer.Option(help="Also look for personal data.")] = True,
    fewest: Annotated[int, typer.Option(help="A label with fewer texts is thin.")] = FEWEST,
    champion: Annotated[
        Path | None, typer.Option(help="Bundle to read the texts with; unset: what serves.")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="Texts the champion was trained on, to see the drift.")
    ] = None,
    label_errors: Annotated[
        bool, typer.Option(help="Also look for wrong labels; trains four models.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Scores by row: JSONL, CSV or XLSX.")
    ] = None,
    most: Annotated[int, typer.Option(help="Flagged rows to list per check.")] = 10,
) -> None:
    """Say what is wrong with labelled texts; exit status 4 if anything must be mended.

    Every check gives each row a score from 0 (bad) to 1 (good) and flags the bad ones; nothing is
    changed or deleted. Rows that cannot be read, empty texts, near-duplicates, texts on both sides
    of a split, the same words with two labels and valid personal numbers must be mended.
    """
    heads = load_taxonomy(taxonomy)
    rows = read(data or [CORPUS], heads)
    others = load_labelled(against, heads) if against else []
    with progress() as bar:
        task = bar.add_task("reading", total=None)
        context = _context(rows, heads, others, similarity, champion, reference)
        checks = _checks(personal=personal, fewest=fewest, label_errors=label_errors)
        report = run(context, checks, lambda name: bar.update(task, description=name))
    out.print(_table(report))
    for finding in report.findings:
        _list(report, finding, most)
    if context.texts:
        _describe(context)
    if output is not None:
        write_rows(output, report.rows(), report.columns())
        err.print(f"{len(rows)} rows → {output}", soft_wrap=True)
    if report.to_mend:
        raise typer.Exit(4)
    out.print(f"[green]ok[/] {len(context.texts)} texts")


def _checks(*, personal: bool, fewest: int, label_errors: bool) -> list[Check]:
    checks = [item for item in standard() if personal or not isinstance(item, Personal)]
    checks = [ThinClasses(fewest) if isinstance(c, ThinClasses) else c for c in checks]
    if label_errors:
        try:
            from training.label_check import LabelErrors
        except ImportError as error:
            raise MissingExtraError(
                f"{error.name} is not installed: pip install 'suda[train]'", field="--label-errors"
            ) from error
        checks.append(LabelErrors())
    return checks


def _context(
    rows: Sequence[Row],
    taxonomy: Taxonomy,
    against: Sequence[LabelledText],
    similarity: float,
    champion: Path | None,
    reference: Path | None,
) -> Context:
    plain = Context(rows, taxonomy, against, similarity=similarity)
    settings = Settings()
    path = champion or resolve(settings.bundle, settings.registry)
    if champion is None and not answers(path, taxonomy):
        return plain
    classifier = load_bundle(path)
    before = (
        partition(load_labelled(reference, taxonomy))["train"][:_REFERENCE] if reference else []
    )
    return Context(
        rows,
        taxonomy,
        against,
        signals=_signals(classifier, plain.texts),
        reference=Reference(before, _signals(classifier, before)) if before else None,
        similarity=similarity,
    )


def _signals(classifier: Classifier, texts: Sequence[LabelledText]) -> Signals:
    predictions = [classifier.predict(normalise(item.text), top_k=1) for item in texts]
    novelty = [p.novelty for p in predictions if p.novelty is not None]
    whole = bool(predictions) and len(novelty) == len(predictions)
    return Signals([p.unknown_rate for p in predictions], novelty if whole else None)


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("check", "judged", "flagged", "mean score", ""):
        table.add_column(column, overflow="fold")
    for finding in report.findings:
        scores = finding.scores.values()
        mean = f"{sum(scores) / len(scores):.3f}" if scores else "–"
        colour = "red" if finding in report.to_mend else "yellow" if finding.flagged else "green"
        name = f"[{colour}]{finding.check}[/]"
        flagged = str(len(finding.flagged))
        table.add_row(name, str(len(scores)), flagged, mean, finding.sentence)
    return table


def _list(report: Report, finding: Finding, most: int) -> None:
    """The worst flagged rows; rarer labels are told in the sentence already."""
    worst = sorted(finding.flagged, key=lambda i: (finding.scores[i], i))[:most]
    if worst and not isinstance(finding.figures.get("labels"), dict):
        out.print(f"\n{finding.check}: {len(finding.flagged)} rows")
        for i in worst:
            row = report.context.rows[i]
            words = f"  {row.id} ({row.file}:{row.line}): {finding.flagged[i]}"
            out.print(words, markup=False, highlight=False, soft_wrap=True)


def _describe(context: Context) -> None:
    """Shared runs, shape and label counts, for a person to judge."""
    _runs(context.texts)
    _shapes(context.texts, context.against)
    for head in context.taxonomy.heads:
        listed = [c for c in counts(context.texts, context.taxonomy) if c.head == head.name]
        line = ", ".join(f"{c.code} {c.texts}" for c in listed)
        out.print(f"{head.name}: {line}", highlight=False)


def _runs(texts: Sequence[LabelledText]) -> None:
    groups = [str(item.meta.get("group") or item.id) for item in texts]
    shared = shared_runs([item.text for item in texts], groups)
    touched = len({i for run in shared for i in run.texts})
    out.print(
        f"\nruns of {RUN} characters in 4 or more events: {len(shared)}, "
        f"in {touched / len(texts):.1%} of the texts"
    )
    for found in shared[:10]:
        out.print(f"  {len(found.texts)} × {found.skeleton}", highlight=False, markup=False)


def _shapes(texts: Sequence[LabelledText], others: Sequence[LabelledText]) -> None:
    sets = {"texts": texts, "against": others} if others else {"texts": texts}
    sample = min(40_000, *(sum(len(t.text) for t in s) for s in sets.values()), 10**9)
    table = Table(box=None, pad_edge=False)
    for column in ("set", "n", "length 5-95 %", "distinct 2/3/4", "opening", "no comma", "digits",
                   "masked", "!", "marks"):  # fmt: skip
        table.add_column(column, overflow="fold")
    for name, items in sets.items():
        s = shape([item.text for item in items], sample=sample)
        shares = (s.openings, s.no_comma, s.digits, s.masked, s.exclaiming, s.marks)
        table.add_row(
            name,
            str(s.texts),
            "/".join(map(str, s.lengths)),
            "/".join(f"{d:.3f}" for d in s.distinct),
            *(f"{value:.3f}" for value in shares),
        )
    out.print(table)
