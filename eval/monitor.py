"""What the last weeks say about the champion, and whether to retrain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from data.taxonomy.schema import Head, Taxonomy
from eval.sampling import Estimate, hajek
from model.drift import Bands, FeatureDrift


@dataclass(frozen=True, slots=True)
class Observed:
    """One decided complaint.

    `answered` is what was served by head, `said` what the model had said before any rule raised
    it, `confidence` the model's. `automatic`: no doubt sent it to a person; `audited`: the random
    sample did (alone, where it is automatic too). `outcome` is what people decided, by head.
    """

    id: str
    answered: Mapping[str, str]
    said: Mapping[str, str]
    confidence: Mapping[str, float]
    automatic: bool
    audited: bool
    outcome: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """When to retrain.

    `new_labels` are reason enough by themselves; any other reason needs `few_labels`, or there is
    nothing to learn from. `promise` is the precision automatic answers were promised to have,
    `floor` the least recall of a label that `class_labels` reviewed texts carry, `excess` by how
    much people may override more than the model's own confidence foretold.
    """

    new_labels: int = 250
    few_labels: int = 50
    promise: float = 0.90
    floor: float = 0.40
    class_labels: int = 20
    excess: float = 0.10
    bands: Bands = field(default_factory=Bands)


@dataclass(frozen=True, slots=True)
class HeadStanding:
    """One head over the window, each an estimate from what was reviewed; None without any.

    `automatic` is how often automatic answers are right, from the audit sample alone; `overall`
    how often all are, audit and doubtful ones weighted by how many they stand for. `overridden`
    is the plain share of reviewed texts where people said otherwise than the model, `expected`
    what the model's confidence foretold for the same texts.
    """

    head: str
    automatic: Estimate | None
    overall: Estimate | None
    overridden: Estimate | None
    expected: float | None


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason to retrain: a stable code, and a sentence with the numbers."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything the monitor found; `retrain` is its verdict, `hindrance` why not although."""

    model: str
    n: int
    reviewed: int
    audited: int
    new_labels: int
    automatic_share: float
    heads: tuple[HeadStanding, ...]
    drift: tuple[FeatureDrift, ...]
    reasons: tuple[Finding, ...]
    hindrance: str | None

    @property
    def retrain(self) -> bool:
        """Whether there is a reason and enough to learn from."""
        return bool(self.reasons) and self.hindrance is None

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        values = asdict(self)
        values["drift"] = [feature.as_json() for feature in self.drift]
        return {"retrain": self.retrain, **values}


def monitor(
    model: str,
    window: Sequence[Observed],
    drift: Sequence[FeatureDrift],
    new_labels: int,
    taxonomy: Taxonomy,
    limits: Limits,
) -> Standing:
    """Judge a window of decisions.

    `new_labels` counts texts that people labelled since the champion was made.
    """
    heads = tuple(_head(head, window) for head in taxonomy.heads)
    reasons = (
        *_labels(new_labels, limits),
        *(Finding(f"drift:{f.feature}", f.sentence()) for f in drift if f.band == "large"),
        *(finding for head in heads for finding in _promises(head, limits)),
        *(finding for head in taxonomy.heads for finding in _floors(head, window, limits)),
    )
    hindrance = None
    if reasons and new_labels < limits.few_labels:
        hindrance = (
            f"only {new_labels} texts were labelled since this model was made, "
            f"{limits.few_labels} are needed: label more, `suda select` says which"
        )
    return Standing(
        model=model,
        n=len(window),
        reviewed=sum(bool(one.outcome) for one in window),
        audited=sum(bool(one.outcome) and one.audited and one.automatic for one in window),
        new_labels=new_labels,
        automatic_share=sum(one.automatic for one in window) / max(len(window), 1),
        heads=heads,
        drift=tuple(drift),
        reasons=reasons,
        hindrance=hindrance,
    )


def _head(head: Head, window: Sequence[Observed]) -> HeadStanding:
    drawn = _drawn(head, window)
    reviewed = [one for one in window if head.name in one.outcome and head.name in one.said]
    overridden = [float(not _right(head, one, one.said)) for one in reviewed]
    doubts = [1.0 - one.confidence[head.name] for one in reviewed]
    audits = [(one, p) for one, p in drawn if one.automatic]
    return HeadStanding(
        head=head.name,
        automatic=_estimate(head, audits),
        overall=_estimate(head, drawn) if _both(window, drawn) else None,
        # As if each were one of many: the rate of the stream, not of this window.
        overridden=hajek(overridden, [1e-9] * len(reviewed)) if reviewed else None,
        expected=sum(doubts) / len(doubts) if doubts else None,
    )


def _drawn(head: Head, window: Sequence[Observed]) -> list[tuple[Observed, float]]:
    """Reviewed texts that stand for others, each with the probability with which it was drawn.

    Of automatic decisions only the audit sample does: those that a department sent back, say, were
    not drawn by chance. Doubtful ones wait for review alike, so that those done stand for the rest.
    """
    found = []
    for automatic in (True, False):
        stratum = [one for one in window if one.automatic is automatic]
        done = [
            one
            for one in stratum
            if head.name in one.outcome and (one.audited or not one.automatic)
        ]
        found += [(one, len(done) / len(stratum)) for one in done]
    return found


def _both(window: Sequence[Observed], drawn: Sequence[tuple[Observed, float]]) -> bool:
    """Whether every kind of decision that there is was reviewed at least once."""
    return {one.automatic for one in window} == {one.automatic for one, _ in drawn}


def _estimate(head: Head, drawn: Sequence[tuple[Observed, float]]) -> Estimate | None:
    if not drawn:
        return None
    values = [float(_right(head, one, one.answered)) for one, _ in drawn]
    return hajek(values, [probability for _, probability in drawn])


def _right(head: Head, one: Observed, answers: Mapping[str, str]) -> bool:
    """Whether the label is the answer or, where the answer backed off, lies under it."""
    return head.is_under(one.outcome[head.name], answers[head.name])


def _labels(new_labels: int, limits: Limits) -> list[Finding]:
    if new_labels < limits.new_labels:
        return []
    sentence = (
        f"{new_labels} texts were labelled since this model was made ({limits.new_labels} asked)"
    )
    return [Finding("enough_labels", sentence)]


def _promises(standing: HeadStanding, limits: Limits) -> list[Finding]:
    found = []
    if standing.automatic is not None and standing.automatic.high < limits.promise:
        sentence = (
            f"automatic answers are right at {standing.automatic}, promised {limits.promise:.2f}"
        )
        found.append(Finding(f"promise_broken:{standing.head}", f"{standing.head}: {sentence}"))
    if standing.overridden is not None and standing.expected is not None:
        most = standing.expected + limits.excess
        if standing.overridden.low > most:
            sentence = (
                f"people override {standing.overridden}, the model foretold {standing.expected:.2f}"
            )
            found.append(Finding(f"overridden:{standing.head}", f"{standing.head}: {sentence}"))
    return found


def _floors(head: Head, window: Sequence[Observed], limits: Limits) -> list[Finding]:
    drawn = _drawn(head, window)
    found = []
    for label in head:
        carrying = [(one, p) for one, p in drawn if one.outcome[head.name] == label.code]
        if len(carrying) < limits.class_labels:
            continue
        recall = _estimate(head, carrying)
        if recall is not None and recall.high < limits.floor:
            sentence = f"{head.name} {label.code}: recall {recall}, floor {limits.floor:.2f}"
            found.append(Finding(f"class_below_floor:{head.name}:{label.code}", sentence))
    return found
