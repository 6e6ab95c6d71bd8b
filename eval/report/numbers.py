"""How figures are written: shares in percent, everything else as it is measured."""

from __future__ import annotations

import math
import re

from eval.metrics import Figure

DASH = "–"
_SHARES = frozenset(
    (
        "accuracy",
        "lenient",
        "top2",
        "top3",
        "coverage",
        "automatic",
        "coverage_at_promise",
        "backed_off",
        "urgent_recall",
        "urgent_precision",
        "lead_right",
        "lead_lenient",
        "review_rate",
        "urgent_missed",
        "urgent_missed_unseen",
        "false_urgent",
        "deadlines_right",
        "leaked",
        "behaviours",
        "recall",
        "precision",
    )
)
_COUNTS = frozenset({"variant", "served_differing"})
_UNITS = {"ms": " ms", "mb": " MB"}
_ENGLISH = {"f1": "F1", "ece": "ECE", "aurc": "AURC", "mae": "MAE", "brier": "Brier"} | {
    "ms": "",
    "mb": "",
    "at": "at the",
    "promise": "promised precision",
}
_LEVEL = re.compile(r"level\d+")
MINUS = "\N{MINUS SIGN}"


def base(metric: str) -> str:
    """`accuracy` of `product.accuracy`: slices name their metrics with the head."""
    return metric.rpartition(".")[2]


def is_share(metric: str) -> bool:
    """Whether a metric is a share of texts, written in percent."""
    name = base(metric)
    return name in _SHARES or _LEVEL.fullmatch(name) is not None


def show(metric: str, value: float | None) -> str:
    """A value with its unit."""
    if value is None or math.isnan(value):
        return DASH
    name = base(metric)
    if is_share(name):
        return f"{value:.1%}"
    if name in _COUNTS:
        return f"{value:,.0f}"
    if unit(name):
        return f"{value:.1f}{unit(name)}" if value >= 1 else f"{value:.2f}{unit(name)}"
    return f"{value:.3f}"


def unit(metric: str) -> str:
    """What is written after a figure that is measured in something."""
    return _UNITS.get(metric.rpartition("_")[2], "")


def english(metric: str) -> str:
    """A metric's name as an English reader writes it: macro F1, top-3, level 2."""
    spaced = re.sub(r"^(top)(\d)$", r"\1-\2", re.sub(r"^(level)(\d)$", r"\1 \2", metric))
    return " ".join(_ENGLISH.get(word, word) for word in spaced.split("_")).strip()


def interval(metric: str, figure: Figure | None) -> str:
    """Its 95 % interval, without the unit; empty where all of it is one number."""
    if figure is None or figure.low == figure.high == figure.value:
        return ""
    return f"{_bare(metric, figure.low)}{DASH}{_bare(metric, figure.high)}"


def difference(metric: str, value: float | None) -> str:
    """A signed difference; of shares in percentage points."""
    if value is None or math.isnan(value):
        return DASH
    scaled = value * 100 if is_share(metric) else value
    text = f"{abs(scaled):.1f}" if is_share(metric) else f"{abs(scaled):.3f}"
    if not text.strip("0."):
        return f"±{text}"
    return f"{'+' if scaled > 0 else MINUS}{text}"


def difference_interval(metric: str, figure: Figure | None) -> str:
    """The interval of a difference, signed."""
    if figure is None:
        return ""
    return f"{difference(metric, figure.low)} … {difference(metric, figure.high)}"


def _bare(metric: str, value: float) -> str:
    return f"{value * 100:.1f}" if is_share(metric) else f"{value:.3f}"
