"""What the suite says of one head: figures, labels, confusions, curves, worst errors."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data.taxonomy.schema import Head
from eval import weighted
from eval.metrics import class_scores
from eval.significance import mcnemar, p_worse
from eval.suite.heads import HeadArrays
from eval.suite.result import (
    ClassResult,
    Confusion,
    Depth,
    HeadResult,
    McNemar,
    MetricResult,
    Promise,
    ReliabilityBin,
    RiskPoint,
)
from eval.weighted import Bools

_BINS = 10
_CURVE_POINTS = 60


@dataclass(frozen=True)
class Pair:
    """A head's answers by challenger and, if there is one, champion, on the same texts.

    `ids` (n,) name the texts; `promised` are each side's stated precision, alpha and threshold.
    """

    ids: tuple[str, ...]
    challenger: HeadArrays
    champion: HeadArrays | None
    promised: tuple[float | None, float | None, float]
    champion_promised: tuple[float | None, float | None, float] | None


def head_result(
    pair: Pair, metrics: Mapping[str, MetricResult], *, examples: int, errors: int
) -> HeadResult:
    """Everything about the head; `examples` per label and confusion, `errors` in all."""
    one, other = pair.challenger, pair.champion
    head = one.head
    predicted = [p.leaf for p in one.answers]
    cells = Counter(zip(one.gold, predicted, strict=True))
    order = {label.code: i for i, label in enumerate(head)}
    return HeadResult(
        head=head.name,
        title=head.title,
        kind=head.kind,
        n=len(one.gold),
        labels={label.code: label.name for label in head},
        parents={label.code: label.parent for label in head if label.parent},
        metrics=dict(metrics),
        classes=_classes(pair, examples),
        matrix=tuple(
            (g, p, n)
            for (g, p), n in sorted(cells.items(), key=lambda c: (order[c[0][0]], order[c[0][1]]))
        ),
        confusions=_confusions(pair, examples),
        reliability=reliability(one),
        champion_reliability=reliability(other) if other else (),
        risk_coverage=curve(one),
        champion_risk_coverage=curve(other) if other else (),
        promise=_promise(one, pair.promised),
        champion_promise=(
            _promise(other, pair.champion_promised) if other and pair.champion_promised else None
        ),
        mcnemar=_mcnemar(one.hit, other.hit) if other else None,
        backoff=_depths(head, one),
        urgent=tuple(code for code in head.by_code if code in one.urgent),
        errors=_errors(pair, errors),
    )


def reliability(arrays: HeadArrays) -> tuple[ReliabilityBin, ...]:
    """Bins of equal count, as the calibration error has them."""
    order = np.argsort(arrays.confidence, kind="stable")
    return tuple(
        ReliabilityBin(
            confidence=float(arrays.confidence[part].mean()),
            right=float(arrays.right[part].mean()),
            n=len(part),
        )
        for part in np.array_split(order, _BINS)
        if len(part)
    )


def curve(arrays: HeadArrays) -> tuple[RiskPoint, ...]:
    """The risk-coverage curve, thinned to what a figure shows."""
    order = np.argsort(arrays.confidence, kind="stable")
    coverage, risk, threshold = weighted.risk_coverage(
        arrays.confidence[order], arrays.defensible[order], np.ones(len(order))
    )
    places = np.unique(np.linspace(0, len(coverage) - 1, min(_CURVE_POINTS, len(coverage))).round())
    return tuple(
        RiskPoint(float(coverage[i]), float(risk[i]), float(threshold[i]))
        for i in places.astype(int)
    )


def _promise(arrays: HeadArrays, stated: tuple[float | None, float | None, float]) -> Promise:
    precision, alpha, threshold = stated
    automatic = arrays.automatic
    return Promise(
        precision=precision,
        alpha=alpha,
        threshold=threshold,
        coverage=float(automatic.mean()),
        kept=float(arrays.defensible[automatic].mean()) if automatic.any() else None,
    )


def _mcnemar(one: Bools, other: Bools) -> McNemar:
    lost, won = int((other & ~one).sum()), int((one & ~other).sum())
    return McNemar(lost, won, mcnemar(lost, won))


def _depths(head: Head, arrays: HeadArrays) -> tuple[Depth, ...]:
    if head.kind != "tree":
        return ()
    above = Counter(len(head.path(p.leaf)) - _common(head, p.leaf, p.code) for p in arrays.answers)
    return tuple(
        Depth(k, above[k], round(above[k] / len(arrays.answers), 4)) for k in sorted(above)
    )


def _common(head: Head, leaf: str, code: str) -> int:
    """Levels that the answer shares with the most probable leaf; it may back off elsewhere."""
    return sum(a == b for a, b in zip(head.path(leaf), head.path(code), strict=False))


def _classes(pair: Pair, examples: int) -> tuple[ClassResult, ...]:
    one, other = pair.challenger, pair.champion
    scores = class_scores(one.gold, [p.leaf for p in one.answers])
    before = class_scores(other.gold, [p.leaf for p in other.answers]) if other else {}
    predicted = Counter(p.leaf for p in one.answers)
    rows: dict[str, list[int]] = defaultdict(list)
    for i, code in enumerate(one.gold):
        rows[code].append(i)
    found = []
    for label in one.head:
        if label.code not in scores:
            continue
        score, mine = scores[label.code], rows[label.code]
        lost = [i for i in mine if other and other.hit[i] and not one.hit[i]]
        won = [i for i in mine if other and one.hit[i] and not other.hit[i]]
        wrong = [i for i in mine if not one.hit[i] and i not in set(lost)]
        shown = [*_surest(one, lost), *_surest(one, wrong)][:examples]
        old = before.get(label.code)
        found.append(
            ClassResult(
                code=label.code,
                name=label.name,
                support=score.support,
                predicted=predicted[label.code],
                precision=score.precision,
                recall=score.recall,
                f1=score.f1,
                champion_recall=old.recall if old else None,
                champion_f1=old.f1 if old else None,
                lost=len(lost) if other else None,
                won=len(won) if other else None,
                p_worse=p_worse(len(lost), len(won)) if other else None,
                examples=tuple(pair.ids[i] for i in shown),
            )
        )
    return tuple(found)


def _confusions(pair: Pair, examples: int) -> tuple[Confusion, ...]:
    one = pair.challenger
    rows: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, (gold, p) in enumerate(zip(one.gold, one.answers, strict=True)):
        if gold != p.leaf:
            rows[gold, p.leaf].append(i)
    most = sorted(rows.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(
        Confusion(
            gold, answer, len(found), tuple(pair.ids[i] for i in _surest(one, found)[:examples])
        )
        for (gold, answer), found in most
    )


def _surest(arrays: HeadArrays, rows: list[int]) -> list[int]:
    return sorted(rows, key=lambda i: (-arrays.confidence[i], i))


def _errors(pair: Pair, count: int) -> tuple[str, ...]:
    """The most confident answers that no reading defends."""
    wrong = np.flatnonzero(~pair.challenger.defensible)
    return tuple(pair.ids[i] for i in _surest(pair.challenger, wrong.tolist())[:count])
