"""Choose what people should label next: the most telling texts, and a random audit share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import rankdata

from data.errors import InputError
from data.labelled import LabelledText
from data.taxonomy.schema import Taxonomy
from training.selection.likeness import Numbers, Residual, answers, density, vectors
from training.selection.signals import Signals

AUDIT = "audit"
LabelCounts = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Mix:
    """How much each signal counts; chosen by simulation (docs/selection.md).

    The first four are weights of signals as ranks within the pool; their sum is multiplied by
    density ** `density` and by untold ** `diversity`. `words` is the share of likeness that the
    words have against the answers. `audit` of the budget is drawn at random.
    """

    uncertainty: float = 1.0
    disagreement: float = 0.25
    novelty: float = 0.1
    thin: float = 0.5
    density: float = 0.0
    diversity: float = 0.5
    words: float = 0.7
    audit: float = 0.10

    def __post_init__(self) -> None:
        for name in ("audit", "words"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError("expected a share in [0, 1]", field=name)
        for name in ("uncertainty", "disagreement", "novelty", "thin", "density", "diversity"):
            if not getattr(self, name) >= 0:
                raise InputError("expected at least 0", field=name)


# What random review is: everything an audit.
RANDOM = Mix(audit=1.0)


@dataclass(frozen=True, slots=True)
class Selected:
    """One text to label.

    `why` lists stable reasons, the strongest first (`uncertain:<head>`, `disagreement`, `novel`,
    `thin:<head>:<code>`, `audit`). `inclusion_probability` is the chance this text had of being
    chosen given the pool: 1 where its score chose it, the drawing fraction where the audit did.
    """

    id: str
    why: tuple[str, ...]
    score: float
    inclusion_probability: float

    @property
    def weight(self) -> float:
        """How many texts of the pool this one stands for."""
        return 1.0 / self.inclusion_probability

    def as_json(self) -> dict[str, Any]:
        """As written to a file."""
        return {
            "id": self.id,
            "why": list(self.why),
            "score": round(self.score, 4),
            "inclusion_probability": self.inclusion_probability,
            "weight": self.weight,
        }


@dataclass(frozen=True, slots=True)
class _Scored:
    """Signals as ranks (texts,), and which head or label each is about."""

    parts: Mapping[str, Numbers]
    about: Mapping[str, Sequence[str]]
    total: Numbers = field(default_factory=lambda: np.zeros(0))


def counts_of(texts: Iterable[LabelledText], taxonomy: Taxonomy) -> dict[str, Counter[str]]:
    """How many texts carry each label, by head."""
    found: dict[str, Counter[str]] = {head.name: Counter() for head in taxonomy.heads}
    for item in texts:
        for head, code in item.labels.items():
            found[head][code] += 1
    return found


def select(
    signals: Sequence[Signals],
    taxonomy: Taxonomy,
    budget: int,
    mix: Mix,
    random: np.random.Generator,
    counts: LabelCounts | None = None,
) -> list[Selected]:
    """Choose up to `budget` of the pool, the most telling first, then the audit sample.

    `counts` are the labels there already are, by head and code. Given the pool, what is chosen by
    score is certain, and the audit is a simple random sample of the rest: so the two together
    estimate any mean over the pool without bias (eval.sampling).
    """
    if budget < 1:
        raise InputError(f"expected at least 1, got {budget}", field="budget")
    if not signals:
        return []
    budget = min(budget, len(signals))
    audited = round(mix.audit * budget)
    if mix.audit > 0 and budget > 1:
        audited = max(1, audited)
    scored = _score(signals, taxonomy, mix, counts or {}) if audited < budget else None
    chosen = _greedy(signals, scored, budget - audited, mix) if scored else []
    rest = np.setdiff1d(np.arange(len(signals)), np.array(chosen, dtype=np.intp))
    found = [
        Selected(signals[row].id, _why(scored, row, mix), float(scored.total[row]), 1.0)
        for row in chosen
        if scored
    ]
    drawn = random.choice(rest, size=min(audited, len(rest)), replace=False)
    found += [
        Selected(
            signals[row].id,
            (AUDIT,),
            float(scored.total[row]) if scored else 0.0,
            len(drawn) / len(rest),
        )
        for row in drawn
    ]
    return found


def _score(
    signals: Sequence[Signals], taxonomy: Taxonomy, mix: Mix, counts: LabelCounts
) -> _Scored:
    doubt = np.array([[s.doubt[head.name] for head in taxonomy.heads] for s in signals])
    heads = [head.name for head in taxonomy.heads]
    thin, thinnest = _thinness(signals, taxonomy, counts)
    parts = {
        "uncertain": _ranks(np.mean([_ranks(column) for column in doubt.T], axis=0)),
        "disagreement": np.array([s.disagreement for s in signals]),
        "novel": _ranks(np.array([s.novelty for s in signals])),
        "thin": _ranks(thin),
    }
    about = {"uncertain": [heads[i] for i in doubt.argmax(axis=1)], "thin": thinnest}
    total = np.zeros(len(signals))
    for name, weight in _weights(mix).items():
        total += weight * parts[name]
    return _Scored(parts, about, total / max(sum(_weights(mix).values()), 1e-9))


def _weights(mix: Mix) -> dict[str, float]:
    return {
        "uncertain": mix.uncertainty,
        "disagreement": mix.disagreement,
        "novel": mix.novelty,
        "thin": mix.thin,
    }


def _thinness(
    signals: Sequence[Signals], taxonomy: Taxonomy, counts: LabelCounts
) -> tuple[Numbers, list[str]]:
    """How short of labels each text's probable labels are, and the one that is most so.

    A label that n texts carry is short by 1 / √(1 + n). Nothing is known of any without counts.
    """
    total = np.zeros(len(signals))
    best = np.zeros(len(signals))
    which = [""] * len(signals)
    if not counts:
        return total, which
    for head in taxonomy.heads:
        probs = np.stack([s.prediction.heads[head.name].probabilities for s in signals])
        have = np.array([counts.get(head.name, {}).get(leaf, 0.0) for leaf in head.leaves])
        part = probs * (1.0 / np.sqrt(1.0 + have))
        total += part.sum(axis=1) / len(taxonomy.heads)
        for row, column in enumerate(part.argmax(axis=1)):
            if part[row, column] > best[row]:
                best[row], which[row] = part[row, column], f"{head.name}:{head.leaves[column]}"
    return total, which


def _greedy(signals: Sequence[Signals], scored: _Scored, size: int, mix: Mix) -> list[int]:
    texts = vectors([s.text for s in signals])
    base = scored.total * _scale(density(texts)) ** mix.density
    residual = Residual(texts, answers([s.prediction for s in signals]), mix.words)
    chosen: list[int] = []
    for _ in range(size):
        gain = base * residual.untold**mix.diversity
        gain[chosen] = -1.0
        row = int(gain.argmax())
        chosen.append(row)
        residual.show(row)
    return chosen


def _scale(values: Numbers) -> Numbers:
    top = float(values.max(initial=0.0))
    return values / top if top > 0 else np.ones_like(values)


def _ranks(values: Numbers) -> Numbers:
    """Ranks in (0, 1]; the least are 0 where all are alike."""
    if len(values) < 2 or values.min() == values.max():
        return np.zeros(len(values))
    return np.asarray((rankdata(values) - 1) / (len(values) - 1))


def _why(scored: _Scored | None, row: int, mix: Mix) -> tuple[str, ...]:
    if scored is None:
        return ()
    shares = {n: w * float(scored.parts[n][row]) for n, w in _weights(mix).items()}
    top = max(shares.values())
    named = sorted(
        (n for n, v in shares.items() if v > 0 and v >= top / 2), key=lambda n: -shares[n]
    )
    return tuple(
        f"{name}:{scored.about[name][row]}" if name in scored.about else name for name in named
    )
