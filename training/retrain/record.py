"""What a run leaves for people to read, and what trackers are told of its suite."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from data.labelled import LabelledText
from eval.suite.result import MetricResult, SuiteResult
from training.tracking import Tracker


def to_json(value: Any) -> bytes:
    """Indented JSON of plain values, dataclasses and numpy numbers."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(value, option=options) + b"\n"


def plain(value: Any) -> Any:
    """A configuration as JSON gives it back: paths as text, sets in order."""
    return json.loads(json.dumps(value, default=_plain))


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def cases_digest(cases: Iterable[LabelledText]) -> str:
    """Stands for texts, labels and second readings."""
    whole = hashlib.sha256()
    for item in cases:
        alternatives = sorted((h, list(c)) for h, c in item.alternatives.items())
        row = [item.id, item.text, sorted(item.labels.items()), alternatives]
        whole.update(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    return whole.hexdigest()


def gates_text(result: SuiteResult, refused: Sequence[str]) -> str:
    """The verdict for a terminal: what failed first, with examples; then every gate."""
    champion = result.champion.version if result.champion else "no champion"
    head = f"{result.challenger.version} beside {champion} on {result.data.n} texts"
    verdict = "passed" if result.passed else f"refused by {len(refused)} of {len(result.gates)}"
    lines = [f"{head}: {verdict} gates" if refused else f"{head}: {verdict}", ""]
    lines += [*refused, ""] if refused else []
    lines += [f"{gate.status:8}{gate}" for gate in result.gates]
    return "\n".join(lines) + "\n"


def write_report(suite: Path, target: Path) -> tuple[Path, ...]:
    """The suite's result as an HTML page; nothing where the page's libraries are not installed."""
    try:
        from eval.report.build import write_html
    except ImportError:
        return ()
    write_html(SuiteResult.from_json(orjson.loads(suite.read_bytes())), target)
    return (target,)


def track(result: SuiteResult, tracker: Tracker) -> None:
    """Every figure of the suite: the challenger's, the champion's and the paired difference."""
    found: dict[str, dict[str, float]] = {"challenger": {}, "champion": {}, "difference": {}}
    for name, metric in _metrics(result):
        found["challenger"][name] = metric.value.value
        if metric.champion:
            found["champion"][name] = metric.champion.value
        if metric.difference:
            found["difference"][name] = metric.difference.value
    for series, values in found.items():
        if values:
            tracker.metrics(series, values)


def _metrics(result: SuiteResult) -> Iterable[tuple[str, MetricResult]]:
    for head in result.heads.values():
        yield from ((f"{head.head}.{name}", metric) for name, metric in head.metrics.items())
    yield from _named("decisions", result.decisions.metrics)


def _named(prefix: str, metrics: Mapping[str, MetricResult]) -> Iterable[tuple[str, MetricResult]]:
    return ((f"{prefix}.{name}", metric) for name, metric in metrics.items())
