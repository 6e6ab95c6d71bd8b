"""The confusion matrix as a picture: the labels that matter most, the rest in one row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from eval.suite.result import Confusion, HeadResult

MOST_LABELS = 16
REST = "…"


@dataclass(frozen=True, slots=True)
class Cell:
    """`n` texts of the row's label answered with the column's; `share` is of the row.

    `tint` is blue for right, heat for wrong, grey where the lumped labels hold both. `index` is
    the place of its examples among the confusions shown below, if they are.
    """

    n: int
    share: float
    tint: str
    index: int | None
    title: str


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Rows are labels, columns answers, in the same order; `rest` codes were lumped together."""

    codes: tuple[str, ...]
    names: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    totals: tuple[int, ...]
    lumped: int


def heat_map(head: HeadResult, shown: Sequence[Confusion], most: int = MOST_LABELS) -> HeatMap:
    """The labels with most errors and most texts; `shown` are confusions listed below the map."""
    kept = _kept(head, most)
    counts: Counter[tuple[str, str]] = Counter()
    for gold, predicted, n in head.matrix:
        counts[_or_rest(gold, kept), _or_rest(predicted, kept)] += n
    codes = [code for code in head.labels if code in kept]
    lumped = {code for g, p, _ in head.matrix for code in (g, p)} - kept
    if lumped:
        codes.append(REST)
    at = {(c.gold, c.predicted): i for i, c in enumerate(shown)}
    totals = {code: sum(counts[code, other] for other in codes) for code in codes}
    return HeatMap(
        codes=tuple(codes),
        names=tuple(head.labels.get(code, "") for code in codes),
        rows=tuple(
            tuple(_cell(head, g, p, counts[g, p], totals[g], at.get((g, p))) for p in codes)
            for g in codes
        ),
        totals=tuple(totals[code] for code in codes),
        lumped=len(lumped),
    )


def _cell(
    head: HeadResult, gold: str, predicted: str, n: int, total: int, index: int | None
) -> Cell:
    left, top = (f"{code} {head.labels.get(code, '')}".strip() for code in (gold, predicted))
    tint = "heat" if gold != predicted else "grey" if gold == REST else "blue"
    return Cell(n, n / total if total else 0.0, tint, index, f"{left} → {top}: {n} / {total}")


def _or_rest(code: str, kept: set[str]) -> str:
    return code if code in kept else REST


def _kept(head: HeadResult, most: int) -> set[str]:
    """Labels by the errors they are part of, then by how many texts carry them."""
    weight: Counter[str] = Counter()
    for gold, predicted, n in head.matrix:
        weight[gold] += n
        if gold != predicted:
            weight[gold] += 4 * n
            weight[predicted] += 4 * n
    return {code for code, _ in weight.most_common(most)}
