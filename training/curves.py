"""The figures of a run as plots. Latin letters only: no Chinese font is needed to draw them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def draw(rows: Sequence[Mapping[str, Any]], folder: Path) -> list[Path]:
    """One SVG a series of metrics.jsonl rows (`series`, `step`, figures); returns what was drawn.

    A series of one moment is drawn as bars, a longer one as lines. Nothing is drawn where
    matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError:
        return []
    # The same run gives the same bytes.
    mpl.rcParams["svg.hashsalt"] = "suda"
    folder.mkdir(parents=True, exist_ok=True)
    return [_draw(name, moments, folder) for name, moments in _by_series(rows).items()]


def _by_series(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if _figures(row):
            found[str(row["series"])].append(row)
    return {name: sorted(moments, key=lambda row: row["step"]) for name, moments in found.items()}


def _figures(row: Mapping[str, Any]) -> dict[str, float]:
    return {
        key: float(value)
        for key, value in row.items()
        if key not in ("series", "step") and isinstance(value, (int, float))
    }


def _draw(series: str, moments: list[Mapping[str, Any]], folder: Path) -> Path:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    names = sorted({name for row in moments for name in _figures(row)})
    figure = Figure(figsize=(7, 0.6 + 0.3 * len(names)) if len(moments) == 1 else (7, 4))
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    if len(moments) == 1:
        axes.barh(names[::-1], [_figures(moments[0]).get(name, 0.0) for name in names[::-1]])
    else:
        for name in names:
            points = [(row["step"], _figures(row)[name]) for row in moments if name in row]
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name)
        axes.legend(fontsize="small")
        axes.set_xlabel("step")
    axes.set_title(series)
    axes.grid(visible=True, alpha=0.3)
    figure.tight_layout()
    path = folder / f"{series}.svg"
    figure.savefig(path, metadata={"Date": None})
    return path
