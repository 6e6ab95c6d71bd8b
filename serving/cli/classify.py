"""`suda classify`: a file, or one text on the terminal."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from ulid import ULID

from data.errors import InputError
from serving.api.schemas import ClassifyRequest, to_complaint
from serving.bulk import classify_file
from serving.cli.console import err, out, progress
from serving.cli.show import show_decision
from serving.pipeline import Pipeline
from serving.settings import Settings


def classify(
    file: Annotated[str, typer.Argument(help="JSONL, CSV or XLSX file, or - for one text.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="JSONL, CSV or XLSX file to write.")
    ] = None,
    bundle: Annotated[Path | None, typer.Option(help="Model bundle; default: the shipped.")] = None,
    json: Annotated[
        bool, typer.Option("--json", help="With -: print the decision as JSON.")
    ] = False,
) -> None:
    """Decide every complaint of FILE, or one text read from the terminal.

    An interrupted run is taken up where it stopped. Rows that cannot be read are listed with their
    line, and the exit status is then 3; all others are decided.
    """
    settings = Settings(bundle=bundle) if bundle else Settings()
    pipeline = Pipeline.open(settings)
    if file == "-":
        _one(pipeline, settings, as_json=json)
        return
    source = Path(file)
    target = output or source.with_name(f"{source.stem}.decisions{source.suffix}")
    with progress() as bar:
        task = bar.add_task("classifying", total=None)
        report = classify_file(
            source,
            target,
            pipeline,
            now=lambda: datetime.now(UTC),
            max_chars=settings.max_text_chars,
            on_row=lambda done, total: bar.update(task, completed=done, total=total),
        )
    for line, message in report.bad:
        err.print(f"[yellow]line {line}[/]: ", end="")
        err.print(message, markup=False, highlight=False, soft_wrap=True)
    resumed = f", {report.resumed} of them in an earlier run" if report.resumed else ""
    err.print(f"{report.done} decided{resumed}, {len(report.bad)} bad → ", end="")
    err.print(str(target), markup=False, highlight=False, soft_wrap=True)
    if report.bad:
        raise typer.Exit(3)


def _one(pipeline: Pipeline, settings: Settings, *, as_json: bool) -> None:
    if sys.stdin.isatty():
        err.print("请输入投诉内容，按 Ctrl-D 结束：", style="dim")
    try:
        text = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("expected UTF-8", field="standard input") from error
    complaint = to_complaint(
        ClassifyRequest(text=text.rstrip("\n")),  # type: ignore[call-arg]
        pipeline.taxonomy,
        now=datetime.now(UTC),
        max_chars=settings.max_text_chars,
    )
    decision = pipeline.decide(complaint, str(ULID()))
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(decision, option=orjson.OPT_INDENT_2) + b"\n")
    else:
        show_decision(decision, complaint.text, pipeline.taxonomy, out)
