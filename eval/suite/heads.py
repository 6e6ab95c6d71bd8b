"""One head's answers as arrays, and every figure of them under any weights."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from data.taxonomy.schema import Head
from eval import weighted
from eval.suite.answers import Answered
from eval.weighted import Bools, Indices, Numbers, Weights
from model.classifier import HeadPrediction


@dataclass(frozen=True)
class HeadArrays:
    """A head on the `n` texts labelled for it; `rows` (n,) are their places among all texts.

    `right` is strict for the code answered (a backed-off answer is right if the label lies under
    it), `defensible` the same with second readings, `hit` strict for the most probable leaf.
    `means` are figures that are plain means over texts, NaN where a text has none.
    """

    head: Head
    rows: Indices
    gold: tuple[str, ...]
    answers: tuple[HeadPrediction, ...]
    confidence: Numbers
    right: Bools
    defensible: Bools
    hit: Bools
    automatic: Bools
    means: Mapping[str, NDArray[np.float64]]
    urgent: frozenset[str]
    precision: float

    @classmethod
    def of(
        cls, head: Head, answered: Sequence[Answered], urgent: frozenset[str], precision: float
    ) -> HeadArrays:
        """Of all answered texts; those not labelled for the head are left out."""
        rows = [i for i, each in enumerate(answered) if head.name in each.item.labels]
        chosen = [answered[i] for i in rows]
        gold = tuple(each.item.labels[head.name] for each in chosen)
        answers = tuple(each.prediction.heads[head.name] for each in chosen)
        readings = [each.item.readings(head.name) for each in chosen]
        defensible = [
            any(head.is_under(reading, p.code) for reading in codes)
            for codes, p in zip(readings, answers, strict=True)
        ]
        return cls(
            head=head,
            rows=np.array(rows, dtype=np.intp),
            gold=gold,
            answers=answers,
            confidence=np.array([p.confidence for p in answers], dtype=np.float64),
            right=_bools(head.is_under(g, p.code) for g, p in zip(gold, answers, strict=True)),
            defensible=_bools(defensible),
            hit=_bools(g == p.leaf for g, p in zip(gold, answers, strict=True)),
            automatic=_bools(head.name not in each.prediction.unsure for each in chosen),
            means=_means(head, gold, answers, readings),
            urgent=urgent,
            precision=precision,
        )

    def measure(self, weights: Weights) -> dict[str, float]:
        """Every figure, for `eval.significance.resample`; `weights` are of all texts."""
        w = weights[self.rows]
        ordered = w[self._order]
        confidence = self.confidence[self._order]
        figures = {name: weighted.mean(values, w) for name, values in self.means.items()}
        figures |= weighted.f1_scores(self._gold, self._leaf, w)
        figures["ece"] = weighted.calibration_error(confidence, self.right[self._order], ordered)
        coverage, risk, _ = weighted.risk_coverage(
            confidence, self.defensible[self._order], ordered
        )
        figures["aurc"] = weighted.area_under_risk(coverage, risk)
        figures["coverage"] = weighted.mean(self.automatic, w)
        figures["automatic"] = weighted.ratio(self.automatic & self.defensible, self.automatic, w)
        figures["coverage_at_promise"] = weighted.coverage_at(coverage, risk, self.precision)
        return figures | self._of_kind(w)

    def count(self, figure: str) -> int:
        """How many texts a figure is of."""
        urgent, called = self._urgent
        counts = {
            "automatic": int(self.automatic.sum()),
            "urgent_recall": int(urgent.sum()),
            "urgent_precision": int(called.sum()),
        }
        return counts.get(figure, len(self.gold))

    def _of_kind(self, w: Weights) -> dict[str, float]:
        if self.head.kind == "tree":
            return self._hierarchical(w)
        if self.head.kind == "ordinal":
            levels = len(self.head.leaves)
            urgent, called = self._urgent
            return {
                "kappa": weighted.quadratic_kappa(self._gold, self._leaf, levels, w),
                "urgent_recall": weighted.ratio(urgent & called, urgent, w),
                "urgent_precision": weighted.ratio(urgent & called, called, w),
            }
        return {}

    def _hierarchical(self, w: Weights) -> dict[str, float]:
        """Set-based over ancestors (Kiritchenko et al. 2006; Silla & Freitas 2011, eq. 3-5)."""
        shared, answered, labelled = self._ancestors
        precision = weighted.ratio(shared, answered, w)
        recall = weighted.ratio(shared, labelled, w)
        total = precision + recall
        return {
            "hierarchical_precision": precision,
            "hierarchical_recall": recall,
            "hierarchical_f1": 2 * precision * recall / total if total else 0.0,
        }

    @cached_property
    def _order(self) -> Indices:
        return np.argsort(self.confidence, kind="stable")

    @cached_property
    def _gold(self) -> Indices:
        return _columns(self.head, self.gold)

    @cached_property
    def _leaf(self) -> Indices:
        return _columns(self.head, [p.leaf for p in self.answers])

    @cached_property
    def _urgent(self) -> tuple[Bools, Bools]:
        urgent = _bools(code in self.urgent for code in self.gold)
        called = _bools(p.code in self.urgent for p in self.answers)
        return urgent, called

    @cached_property
    def _ancestors(self) -> tuple[NDArray[np.float64], ...]:
        rows = [
            (len({*one} & {*other}), len(one), len(other))
            for one, other in (
                (self.head.path(p.code), self.head.path(g))
                for g, p in zip(self.gold, self.answers, strict=True)
            )
        ]
        counts = np.array(rows, dtype=np.float64).reshape(-1, 3)
        return counts[:, 0], counts[:, 1], counts[:, 2]


def _bools(values: Iterable[bool]) -> Bools:
    return np.fromiter(values, dtype=bool)


def _columns(head: Head, codes: Collection[str]) -> Indices:
    numbers = {code: i for i, code in enumerate(head.leaves)}
    for label in head:
        numbers.setdefault(label.code, len(numbers))
    return np.array([numbers[code] for code in codes], dtype=np.intp)


def _means(
    head: Head,
    gold: Sequence[str],
    answers: Sequence[HeadPrediction],
    readings: Sequence[tuple[str, ...]],
) -> dict[str, NDArray[np.float64]]:
    pairs = list(zip(gold, answers, strict=True))
    found: dict[str, object] = {
        "accuracy": [g == p.leaf for g, p in pairs],
        "lenient": [p.leaf in codes for codes, p in zip(readings, answers, strict=True)],
        "top2": [g in _top(head, p, 2) for g, p in pairs],
        "top3": [g in _top(head, p, 3) for g, p in pairs],
        "brier": [_brier(head, g, p) for g, p in pairs],
    }
    if head.kind == "tree":
        for level in range(1, head.depth + 1):
            found[f"level{level}"] = [
                head.at_level(g, level) == head.at_level(p.leaf, level) for g, p in pairs
            ]
        found["backed_off"] = [p.backed_off for p in answers]
    if head.kind == "ordinal":
        found["mae"] = [abs(head.rank(g) - head.rank(p.leaf)) for g, p in pairs]
    return {name: np.array(values, dtype=np.float64) for name, values in found.items()}


def _top(head: Head, prediction: HeadPrediction, k: int) -> set[str]:
    order = np.argsort(-prediction.probabilities, kind="stable")[:k]
    return {head.leaves[int(i)] for i in order}


def _brier(head: Head, gold: str, prediction: HeadPrediction) -> float:
    """Sum of squared errors over leaves (Brier 1950); NaN where the label is no leaf."""
    if gold not in head.leaf_index:
        return float("nan")
    off = prediction.probabilities.astype(np.float64)
    off[head.leaf_index[gold]] -= 1.0
    return float(off @ off)
