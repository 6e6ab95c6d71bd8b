"""Write a suite's result as one HTML file that needs nothing else, or as JSON."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from eval.report import numbers
from eval.report.behaviours import table
from eval.report.cases import cards, named
from eval.report.decisions import decisions
from eval.report.gates import gates
from eval.report.heads import head_view
from eval.report.prose import summary, tiles, verdict
from eval.report.provenance import models
from eval.report.slices import slices
from eval.report.words import phrase, say, say_or
from eval.suite.result import SuiteResult

PAGE = Path(__file__).parent / "page"


def write_html(result: SuiteResult, path: Path, *, command: str = "") -> None:
    """Write the report. `command` is what a person typed for it, shown with the provenance."""
    _write(path, render(result, command=command).encode())


def write_json(result: SuiteResult, path: Path) -> None:
    """Write the whole result; `SuiteResult.from_json` reads it."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY
    _write(path, orjson.dumps(result.as_json(), option=options) + b"\n")


def render(result: SuiteResult, *, command: str = "") -> str:
    """The report as one HTML document, Chinese and English."""
    behaviours = table(result.behaviours) if result.behaviours else None
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            result=result,
            verdict=verdict(result),
            summary=summary(result),
            tiles=tiles(result),
            gates=gates(result),
            heads=[head_view(result, head) for head in result.heads.values()],
            decisions=decisions(result),
            slices=slices(result),
            behaviours=behaviours,
            models=models(result),
            command=command,
        )
    )


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all: nobody opens half a report."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


@cache
def environment() -> Environment:
    """Templates escape all they are given; an unknown name is an error."""
    found = Environment(
        loader=FileSystemLoader(PAGE),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    globals_: dict[str, Any] = {
        "say": say,
        "say_or": say_or,
        "phrase": phrase,
        "named": named,
        "cards": cards,
        "show": numbers.show,
        "style": Markup((PAGE / "style.css").read_text(encoding="utf-8")),  # noqa: S704 - our file
        "script": Markup((PAGE / "script.js").read_text(encoding="utf-8")),  # noqa: S704 - our file
    }
    found.globals.update(globals_)
    return found
