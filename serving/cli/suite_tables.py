"""Print a suite's result: figures beside the champion's, gates, and what stopped a challenger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.table import Table

from eval.suite.names import metric as named
from eval.suite.result import CaseResult, GateResult, MetricResult, SuiteResult
from serving.cli.console import out

_LONGEST = 100
_SHOWN = 3


def print_result(result: SuiteResult) -> None:
    """Everything a terminal has room for; the rest is in the report."""
    beside = f" against {result.champion.version}" if result.champion else ""
    out.print(
        f"{result.challenger.version}{beside} on {result.data.n} texts of {result.data.name}, "
        f"suite {result.suite}",
        highlight=False,
    )
    for head in result.heads.values():
        out.print(_table(head.head, head.metrics.values()))
    out.print(_table("decisions", result.decisions.metrics.values()))
    _print_models(result)
    if result.behaviours:
        done = result.behaviours
        out.print(f"behaviours {done.passed} of {done.cases} hold", highlight=False)
    if result.served:
        asked = result.served
        out.print(
            f"{asked.url} answers {asked.n - asked.differing} of {asked.n} alike", highlight=False
        )
    counts = Counter(gate.status for gate in result.gates)
    out.print("gates: " + ", ".join(f"{n} {status}" for status, n in counts.most_common()))


def print_stopping(result: SuiteResult) -> None:
    """The gates that keep the challenger from serving, each with its worst examples."""
    for gate in result.stopping:
        out.print(f"[red]✗[/] {_safe(str(gate))}", highlight=False, soft_wrap=True)
        if gate.why:
            out.print(f"    {_safe(gate.why)}", style="dim", highlight=False, soft_wrap=True)
        _print_examples(gate, result)
    if result.passed:
        out.print("[green]✓[/] every gate holds: this bundle may serve")


def _table(title: str, metrics: Iterable[MetricResult]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in (title, "figure", "champion", "difference", "n"):
        table.add_column(column)
    for each in metrics:
        known = named(each.name)
        table.add_row(
            f"{each.name}" + (f" [dim]{known.english}[/]" if known else ""),
            _safe(str(each.value)),
            _safe(str(each.champion or "")),
            _safe(f"{each.difference}" if each.difference else ""),
            str(each.n),
        )
    return table


def _print_models(result: SuiteResult) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("bundle", "median ms", "95 % ms", "MB", "unstable texts", "texts seen before"):
        table.add_column(column)
    for model in (result.challenger, result.champion):
        if model is not None:
            seen = model.leak.seen
            table.add_row(
                model.version,
                f"{model.operations.latency_ms:.2f}",
                f"{model.operations.latency_p95_ms:.2f}",
                f"{model.operations.size_mb:.1f}",
                f"{model.operations.variant} of {model.operations.checked}",
                "unknown" if seen is None else f"{seen} of {model.leak.n}",
            )
    out.print(table)


def _print_examples(gate: GateResult, result: SuiteResult) -> None:
    for name in gate.examples[:_SHOWN]:
        if (case := result.cases.get(name)) is not None:
            out.print(f"    · {_safe(_example(case))}", highlight=False, soft_wrap=True)


def _example(case: CaseResult) -> str:
    wrong = [
        f"{name} {head.gold}, answered {head.predicted} ({head.confidence:.2f})"
        for name, head in case.heads.items()
        if head.right is False
    ]
    flat = " ".join(case.text.split())
    text = flat if len(flat) <= _LONGEST else f"{flat[:_LONGEST]}…"
    return f"[{case.id}] {text} — {'; '.join(wrong) or 'labels answered rightly'}"


def _safe(text: str) -> str:
    return text.replace("[", r"\[")
