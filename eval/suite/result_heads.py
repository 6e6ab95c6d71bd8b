"""The part of a suite's result that is about one head. Import it from `eval.suite.result`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eval.metrics import Figure

Better = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric on `n` texts, each figure with its 95 % interval over resampled events.

    `difference` is challenger minus champion, resampled in pairs; None without a champion.
    """

    name: str
    better: Better
    n: int
    value: Figure
    champion: Figure | None = None
    difference: Figure | None = None


@dataclass(frozen=True, slots=True)
class ClassResult:
    """One label: `support` texts carry it, `predicted` are answered with it.

    `lost` and `won` count its texts that only the champion, only the challenger answers rightly;
    `p_worse` is the exact one-sided McNemar probability of losing so many by chance.
    """

    code: str
    name: str
    support: int
    predicted: int
    precision: float
    recall: float
    f1: float
    champion_recall: float | None = None
    champion_f1: float | None = None
    lost: int | None = None
    won: int | None = None
    p_worse: float | None = None
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Confusion:
    """`n` texts of label `gold` answered with `predicted` (never the same code)."""

    gold: str
    predicted: str
    n: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """`n` answers of mean `confidence`, of which the share `right` is right."""

    confidence: float
    right: float
    n: int


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """At `threshold` the share `coverage` is answered unseen, and `risk` of it is wrong.

    Right is the label or a listed second reading; a backed-off answer is right if one lies under
    it: what the bundle promises.
    """

    coverage: float
    risk: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Promise:
    """What the bundle promised for unreviewed answers of a head, and what it kept.

    `precision` and `alpha` are None where the manifest names none; `threshold` is the bundle's.
    `kept` is the precision at that threshold, None if no answer is above it.
    """

    precision: float | None
    alpha: float | None
    threshold: float
    coverage: float
    kept: float | None


@dataclass(frozen=True, slots=True)
class McNemar:
    """Texts that only one of the two answers rightly, and the two-sided p of such a split.

    Exact binomial below 50 discordant texts, else chi-squared with continuity correction.
    """

    only_champion: int
    only_challenger: int
    p: float


@dataclass(frozen=True, slots=True)
class Depth:
    """How many answers of a tree stand `levels` above the most probable leaf (0 = the leaf)."""

    levels: int
    n: int
    share: float


@dataclass(frozen=True, slots=True)
class HeadResult:
    """One head on the texts that carry its label.

    `metrics` by name (see `eval.suite.names.METRICS`), in the order to show. `labels` maps every
    code of the head to its name, in taxonomy order. `confusions` are the most frequent first.
    `leaves` × `leaves` counts are in `matrix` as (gold, predicted, n), the diagonal included.
    `errors` are the most confident wrong answers. `urgent` are an ordinal head's urgent codes.
    """

    head: str
    title: str
    kind: str
    n: int
    labels: dict[str, str]
    parents: dict[str, str]
    metrics: dict[str, MetricResult]
    classes: tuple[ClassResult, ...]
    matrix: tuple[tuple[str, str, int], ...]
    confusions: tuple[Confusion, ...]
    reliability: tuple[ReliabilityBin, ...]
    champion_reliability: tuple[ReliabilityBin, ...]
    risk_coverage: tuple[RiskPoint, ...]
    champion_risk_coverage: tuple[RiskPoint, ...]
    promise: Promise
    champion_promise: Promise | None
    mcnemar: McNemar | None
    backoff: tuple[Depth, ...]
    urgent: tuple[str, ...]
    errors: tuple[str, ...]
