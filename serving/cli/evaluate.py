"""`suda eval`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table

from data.errors import InputError
from data.labelled import LabelledText, load_labelled
from data.splits import partition
from eval.evaluate import HeadReport, Report
from eval.evaluate import evaluate as run
from eval.suite.config import DEFAULT
from eval.suite.config import load as load_suite
from eval.suite.http import Service
from eval.suite.result import SuiteResult
from eval.suite.run import Extras, run_suite
from eval.suite.subject import Subject
from model.runtime import SHIPPED
from model.runtime import load as load_bundle
from serving.cli.console import err, out, progress
from serving.cli.suite_tables import print_result, print_stopping
from serving.cli.train import CORPUS
from serving.settings import Settings


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What to evaluate on, and what to call it."""

    texts: Sequence[LabelledText]
    name: str


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
        Path | None, typer.Option("--output", "-o", help="Also write the figures as JSON.")
    ] = None,
    classes: Annotated[bool, typer.Option(help="Print every label's scores.")] = False,
    champion: Annotated[
        Path | None, typer.Option(help="Run the suite, beside this bundle.")
    ] = None,
    suite: Annotated[
        Path | None, typer.Option(help="Run this suite; default with the others: the shipped.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Run the suite and write its report as HTML.")
    ] = None,
    json: Annotated[
        Path | None, typer.Option(help="Run the suite and write its whole result as JSON.")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="Run the suite and ask the service there too; it keeps what it is asked. "
            "SUDA_API_KEY holds its key."
        ),
    ] = None,
    gates: Annotated[
        bool | None,
        typer.Option("--gates/--no-gates", help="Run the suite; exit 1 if a gate fails, or not."),
    ] = None,
) -> None:
    """Score a bundle on labelled texts, as it serves; with a suite, hold it against its gates."""
    wanted = _wanted(data, bundle, split, view)
    with_suite = gates is not None or any((champion, suite, report, json, url))
    if not with_suite or output or classes:
        _figures(bundle, wanted, output, classes)
    if not with_suite:
        return
    result = _suite(wanted, bundle, champion, suite, url)
    print_result(result)
    _write(result, report, json)
    print_stopping(result)
    if gates is not False and not result.passed:
        raise typer.Exit(1)


def _wanted(data: Path, bundle: Path, split: str | None, view: str | None) -> _Wanted:
    texts = load_labelled(data, load_bundle(bundle).taxonomy)
    part = split or ("test" if data == CORPUS else None)
    if part:
        parts = dict(partition(texts))
        if part not in parts:
            raise typer.BadParameter("expected train, dev or test", param_hint="--split")
        texts = parts[part]  # type: ignore[index]
    if view:
        texts = [text for text in texts if view in text.meta.get("views", ())]
        if not texts:
            raise InputError(f"no text is in view {view!r}", field="--view")
    chosen = ", ".join(each for each in (part, view) if each)
    return _Wanted(texts, f"{data}" + (f" ({chosen})" if chosen else ""))


def _figures(bundle: Path, wanted: _Wanted, output: Path | None, classes: bool) -> None:
    with progress() as bar:
        task = bar.add_task("evaluating", total=len(wanted.texts))
        report = run(
            load_bundle(bundle), wanted.texts, on_text=lambda n: bar.update(task, completed=n)
        )
    _print(report, wanted.name)
    for head in report.heads.values():
        _print_confusions(head)
        if classes:
            _print_classes(head)
    if output:
        options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY
        output.write_bytes(orjson.dumps(report.as_json(), option=options) + b"\n")
        err.print(f"→ {output}")


def _suite(
    wanted: _Wanted, bundle: Path, champion: Path | None, suite: Path | None, url: str | None
) -> SuiteResult:
    config = load_suite(suite or DEFAULT)
    service = Service(url, os.environ.get("SUDA_API_KEY")) if url else None
    with progress() as bar:
        task = bar.add_task("loading", total=len(wanted.texts))
        return run_suite(
            Subject.load(bundle),
            wanted.texts,
            champion=Subject.load(champion) if champion else None,
            config=config,
            extras=Extras(data=wanted.name, policy=Settings().policy, service=service),
            on_step=lambda step: bar.reset(task, description=step),
            on_text=lambda n: bar.update(task, completed=n),
        )


def _write(result: SuiteResult, report: Path | None, json: Path | None) -> None:
    if report:
        # Imported here: the report draws with libraries that serving does without.
        from eval.report.build import write_html

        write_html(result, report, command=shlex.join(["suda", *sys.argv[1:]]))
        err.print(f"→ {report}")
    if json:
        json.write_bytes(orjson.dumps(result.as_json(), option=orjson.OPT_INDENT_2) + b"\n")
        err.print(f"→ {json}")


def _print(report: Report, name: str) -> None:
    out.print(f"{report.model} on {report.n} texts of {name}")
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
