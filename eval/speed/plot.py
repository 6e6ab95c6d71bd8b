"""The bench as one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eval.speed.bench import BenchReport
from eval.speed.figures import Median


def plot(report: BenchReport, path: Path) -> None:
    """Latency by length and throughput by callers. Raises ImportError without matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for row in report.rows:
        lengths = {k: v for k, v in row.latency_ms.items() if k.isdigit()}
        _line(left, lengths, row.name)
        _line(right, row.texts_per_second, row.name)
    left.set(xlabel="characters", ylabel="ms a text, one caller", yscale="log")
    right.set(xlabel="callers", ylabel="texts a second")
    left.legend()
    figure.suptitle(f"{report.cpus} processors, {report.threads_per_call} thread a call")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _line(axes: Any, figures: dict[str, Median], name: str) -> None:
    at = [int(key) for key in figures]
    values = [figure.value for figure in figures.values()]
    spans = [(f.value - f.low, f.high - f.value) for f in figures.values()]
    axes.errorbar(at, values, yerr=list(zip(*spans, strict=True)), marker="o", label=name)
