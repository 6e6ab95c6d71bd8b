"""`suda eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table

from data.errors import InputError
from data.labelled import load_labelled
from data.splits import partition
from eval.evaluate import HeadReport, Report
from eval.evaluate import evaluate as run
from model.runtime import SHIPPED
from model.runtime import load as load_bundle
from serving.cli.console import err, out, progress
from serving.cli.train import CORPUS


def evaluate(
    data: Annotated[Path, typer.Option(help="Labelled file, or directory of JSONL.")] = CORPUS,
    bundle: Annotated[Path, typer.Option(help="Model bundle.")] = SHIPPED,
    split: Annotated[
        str | None, typer.Option(help="train, dev or test; default: test of the corpus, else all.")
    ] = None,
    view: Annotated[
        str | None, typer.Option(help="Only texts of this view of the test split: life, balanced.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write everything as JSON.")
    ] = None,
    classes: Annotated[bool, typer.Option(help="Print every label's scores.")] = False,
) -> None:
    """Score a bundle on labelled texts, as it serves."""
    classifier = load_bundle(bundle)
    texts = load_labelled(data, classifier.taxonomy)
    wanted = split or ("test" if data == CORPUS else None)
    if wanted:
        parts = dict(partition(texts))
        if wanted not in parts:
            raise typer.BadParameter("expected train, dev or test", param_hint="--split")
        texts = parts[wanted]  # type: ignore[index]
    if view:
        texts = [text for text in texts if view in text.meta.get("views", ())]
        if not texts:
            raise InputError(f"no text is in view {view!r}", field="--view")
    with progress() as bar:
        task = bar.add_task("evaluating", total=len(texts))
        report = run(classifier, texts, on_text=lambda n: bar.update(task, completed=n))
    _print(report, data, wanted)
    for head in report.heads.values():
        _print_confusions(head)
        if classes:
            _print_classes(head)
    if output:
        options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY
        output.write_bytes(orjson.dumps(report.as_json(), option=options) + b"\n")
        err.print(f"→ {output}")


def _print(report: Report, data: Path, split: str | None) -> None:
    out.print(f"{report.model} on {report.n} texts of {data}" + (f" ({split})" if split else ""))
    table = Table(box=None, pad_edge=False)
    names = (
        "head",
        "n",
        "accuracy",
        "lenient",
        "macro-F1",
        "top-3",
        "ECE",
        "coverage",
        "automatic",
    )
    for column in names:
        table.add_column(column, overflow="fold")
    for head in report.heads.values():
        table.add_row(
            head.head,
            str(head.n),
            str(head.accuracy),
            str(head.lenient),
            str(head.macro_f1),
            str(head.top3),
            f"{head.calibration_error:.3f}",
            f"{head.coverage:.3f}",
            str(head.automatic or "—"),
        )
        for level, figure in enumerate(head.levels, 1):
            table.add_row(f"  level {level}", "", str(figure))
    out.print(table)


def _print_confusions(head: HeadReport) -> None:
    if head.confusions:
        worst = ", ".join(f"{g}→{p} {n}" for g, p, n in head.confusions[:10])
        out.print(f"{head.head}, label→answer: {worst}", highlight=False)


def _print_classes(head: HeadReport) -> None:
    table = Table(box=None, pad_edge=False)
    for column in (head.head, "texts", "precision", "recall", "F1"):
        table.add_column(column)
    for code, score in head.classes.items():
        cells = (f"{v:.3f}" for v in (score.precision, score.recall, score.f1))
        table.add_row(code, str(score.support), *cells)
    out.print(table)
