"""The simulation as one picture. Latin letters only: no Chinese font is needed to draw it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.simulate.curves import MEAN, REVIEW, Point
from training.simulate.simulate import Simulation

_COLOURS = {"selection": "#0b6e4f", "random": "#8a8d91"}
_TITLES = {MEAN: "macro-F1, mean of the heads", REVIEW: "share a person must see"}


def plot(simulation: Simulation, path: Path) -> None:
    """Quality and review rate against labels used, with intervals over the divisions.

    One panel a figure; the dashed line is the champion that the gate let serve. SVG or PNG by the
    path's suffix. Raises ImportError without matplotlib.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # The same runs give the same bytes.
    mpl.rcParams["svg.hashsalt"] = "suda"
    names = [MEAN, *_heads(simulation), REVIEW]
    figure = Figure(figsize=(4.2 * min(len(names), 3), 3.4 * -(-len(names) // 3)))
    for position, name in enumerate(names, 1):
        axes = figure.add_subplot(-(-len(names) // 3), min(len(names), 3), position)
        for strategy in simulation.runs:
            _draw(axes, simulation, strategy, name)
        axes.set_title(_TITLES.get(name, name.replace(":", " ")), fontsize="medium")
        axes.set_xlabel("labels used")
        axes.grid(visible=True, alpha=0.3)
        if position == 1:
            axes.legend(fontsize="small")
    seeds = len(simulation.plan.seeds)
    figure.suptitle(
        f"pool {simulation.pool}, evaluation {simulation.evaluation}, {seeds} divisions",
        fontsize=10,
    )
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"Date": None} if path.suffix == ".svg" else None
    figure.savefig(path, dpi=120, metadata=metadata)


def _heads(simulation: Simulation) -> list[str]:
    first = next(iter(simulation.runs.values()))[0].steps[0].challenger
    heads = [f"macro_f1:{head}" for head in first.macro_f1]
    # With a single head its curve is the mean.
    return heads if len(heads) > 1 else []


def _draw(axes: Any, simulation: Simulation, strategy: str, name: str) -> None:
    colour = _COLOURS[strategy]
    points = simulation.curve(strategy, name)
    labels, values, lows, highs = _columns(points)
    axes.plot(labels, values, marker="o", markersize=3, color=colour, label=strategy)
    axes.fill_between(labels, lows, highs, color=colour, alpha=0.15, linewidth=0)
    served = _columns(simulation.curve(strategy, name, "champion"))
    axes.plot(served[0], served[1], linestyle="--", linewidth=1, color=colour)


def _columns(points: Sequence[Point]) -> tuple[list[float], ...]:
    rows = [(float(p.labels), p.value, p.low, p.high) for p in points]
    return tuple(list(column) for column in zip(*rows, strict=True))
