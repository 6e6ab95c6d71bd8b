"""Figures as plain coordinates: computed here, drawn as SVG by the page's macros."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 46, 22, 14, 42
# A risk–coverage curve has one point a text; more than this many cannot be told apart on a screen.
MAX_POINTS = 160
NICE_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)

Point = tuple[float, float]
Scale = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Tick:
    """A grid line at pixel `at`, with what stands beside it."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """An SVG path; `role` is the CSS class that colours it."""

    role: str
    path: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A dot in pixels, with an upright interval from `low` to `high` where it has one."""

    role: str
    x: float
    y: float
    radius: float
    title: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """An upright bar standing on the horizontal axis, in pixels."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A whole figure. `caption` names the words that go below it."""

    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]
    bars: tuple[Bar, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM


@dataclass(frozen=True, slots=True)
class Bin:
    """Texts of like confidence: their mean confidence, the share answered right, how many."""

    confidence: float
    right: float
    n: int


def reliability(bins: Sequence[Bin], champion: Sequence[Bin] = ()) -> Plot:
    """Share right over confidence, with Wilson intervals, above how many texts stand where."""
    x, y = _scale_x(1.0), _scale_y(1.0)
    total = max(sum(item.n for item in bins), 1)
    most = max((item.n for item in bins), default=1)
    return Plot(
        x_ticks=_ticks(x, 1.0),
        y_ticks=_ticks(y, 1.0),
        lines=(
            Line("ideal", _path([(x(0), y(0)), (x(1), y(1))])),
            *_line("champion", [(x(b.confidence), y(b.right)) for b in champion]),
            *_line("challenger", [(x(b.confidence), y(b.right)) for b in bins]),
        ),
        marks=tuple(_bin_mark(b, x, y) for b in bins),
        bars=tuple(
            Bar(
                round(x(b.confidence) - 5, 1),
                round(y(0.18 * b.n / most), 1),
                10,
                round(y(0) - y(0.18 * b.n / most), 1),
                f"n = {b.n} ({b.n / total:.0%})",
            )
            for b in bins
        ),
    )


def _bin_mark(item: Bin, x: Scale, y: Scale) -> Mark:
    low, high = wilson(item.right, item.n)
    title = f"{item.confidence:.3f} → {item.right:.3f} [{low:.3f}, {high:.3f}], n = {item.n}"
    return Mark(
        "challenger",
        x(item.confidence),
        y(item.right),
        3.5,
        title,
        low=y(low),
        high=y(high),
    )


def risk_coverage(
    curve: Sequence[Point],
    *,
    promised_risk: float | None = None,
    working: Point | None = None,
    champion: Sequence[Point] = (),
) -> Plot:
    """Error rate over the share answered unaided; points are (coverage, risk).

    `promised_risk` draws the limit, `working` marks where the bundle's threshold works.
    """
    risks = [risk for _, risk in (*curve, *champion)] + [promised_risk or 0.0, 0.02]
    if working:
        risks.append(working[1])
    highest = min(_nice_above(max(risks)), 1.0)
    x, y = _scale_x(1.0), _scale_y(highest)
    marks: tuple[Mark, ...] = ()
    if working:
        title = f"{working[0]:.1%} / {working[1]:.1%}"
        marks = (Mark("working", x(working[0]), y(working[1]), 5.5, title),)
    promise = [] if promised_risk is None else [(x(0), y(promised_risk)), (x(1), y(promised_risk))]
    return Plot(
        x_ticks=_ticks(x, 1.0),
        y_ticks=_ticks(y, highest),
        lines=(
            *_line("promise", promise),
            *_line("champion", [(x(c), y(r)) for c, r in thinned(champion)]),
            *_line("challenger", [(x(c), y(r)) for c, r in thinned(curve)]),
        ),
        marks=marks,
    )


def wilson(share: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % score interval of a share of n (Wilson 1927)."""
    if n == 0:
        return 0.0, 1.0
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def thinned(points: Sequence[Point], most: int = MAX_POINTS) -> list[Point]:
    """At most about `most` of the points, evenly, with the first and the last."""
    if len(points) <= most:
        return list(points)
    step = (len(points) - 1) / (most - 1)
    return [points[round(i * step)] for i in range(most)]


def _scale_x(highest: float) -> Scale:
    return lambda value: round(LEFT + (WIDTH - LEFT - RIGHT) * value / highest, 1)


def _scale_y(highest: float) -> Scale:
    return lambda value: round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / highest, 1)


def _nice_above(value: float) -> float:
    """The next round number that leaves the curve some air."""
    step = _step(value)
    return step * (int(value * 1.02 / step) + 1)


def _step(highest: float) -> float:
    return next((step for step in NICE_STEPS if highest / step <= 5.5), NICE_STEPS[-1])


def _ticks(scale: Scale, highest: float) -> tuple[Tick, ...]:
    step = _step(highest)
    count = int(highest / step + 1e-9)
    return tuple(Tick(scale(i * step), f"{i * step:.0%}") for i in range(count + 1))


def _line(role: str, points: Sequence[Point]) -> tuple[Line, ...]:
    return (Line(role, _path(points)),) if points else ()


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:g},{y:g}" for x, y in points)
