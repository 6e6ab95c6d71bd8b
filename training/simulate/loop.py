"""One run of the loop: choose, reveal, retrain, judge, promote, measure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from data.labelled import LabelledText
from data.taxonomy.schema import Taxonomy
from eval.metrics import macro_f1
from eval.sampling import hajek
from model.classifier import Classifier
from training.selection.select import Mix, Selected, select
from training.selection.signals import Candidate, Reader, Signals
from training.simulate.gate import Gate, Metrics, best_of
from training.simulate.trainer import Trainer

# What the review policy calls its own random sample: no doubt, so not part of the review rate.
_AUDITED = "audit_sample"


@dataclass(frozen=True, slots=True)
class Quality:
    """On the evaluation half: macro-F1 and accuracy by head, and how often a person must look."""

    macro_f1: Mapping[str, float]
    accuracy: Mapping[str, float]
    review_rate: float

    @property
    def mean_macro_f1(self) -> float:
        """Mean over the heads."""
        return float(np.mean(list(self.macro_f1.values())))


@dataclass(frozen=True, slots=True)
class Audit:
    """What the labels of one round say of the pool they were drawn from, and what is true of it.

    All three are the share of texts on which the model then serving had every head right.
    `naive` forgets how the texts were chosen.
    """

    estimate: float
    low: float
    high: float
    naive: float
    truth: float


@dataclass(frozen=True, slots=True)
class Step:
    """After `labels` labels: the challenger's and the champion's quality, and the gate's word."""

    labels: int
    challenger: Quality
    champion: Quality
    gate: Metrics
    refused: tuple[str, ...] = ()
    audit: Audit | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One strategy on one division; the first step is the model as shipped."""

    strategy: str
    seed: int
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Stage:
    """All that a run needs and does not change."""

    taxonomy: Taxonomy
    reader: Reader
    trainer: Trainer
    gate: Gate
    base_counts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass
class _State:
    champion: Classifier
    quality: Quality
    gate: Metrics
    floor: Metrics
    revealed: list[LabelledText] = field(default_factory=list)


def run(
    stage: Stage,
    strategy: str,
    mix: Mix,
    pool: Sequence[LabelledText],
    evaluation: Sequence[LabelledText],
    *,
    every: int,
    up_to: int,
    seed: int,
    on_step: Callable[[Step], None] = lambda _: None,
) -> Run:
    """Label `every` texts at a time until `up_to` or the pool's end.

    Texts are chosen by the champion; the challenger takes over where the gate lets it.
    """
    random = np.random.default_rng(seed)
    hidden = {item.id: item for item in pool}
    first = stage.trainer.start()
    metrics = stage.gate.measure(first)
    state = _State(first, measure(stage, first, evaluation), metrics, metrics)
    steps = [Step(0, state.quality, state.quality, metrics)]
    while hidden and len(state.revealed) < up_to:
        budget = min(every, up_to - len(state.revealed))
        signals = _read(stage, state.champion, list(hidden.values()))
        chosen = select(signals, stage.taxonomy, budget, mix, random, _counts(stage, state))
        audit = _audit(signals, chosen, hidden)
        state.revealed += [hidden.pop(one.id) for one in chosen]
        steps.append(_retrain(stage, state, evaluation, audit))
        on_step(steps[-1])
    return Run(strategy, seed, tuple(steps))


def _retrain(stage: Stage, state: _State, evaluation: Sequence[LabelledText], audit: Audit) -> Step:
    challenger = stage.trainer.fit(state.revealed)
    verdict = stage.gate.judge(challenger, state.floor)
    quality = measure(stage, challenger, evaluation)
    if verdict.promoted:
        state.champion, state.quality, state.gate = challenger, quality, verdict.metrics
        state.floor = best_of(state.floor, verdict.metrics)
    return Step(
        labels=len(state.revealed),
        challenger=quality,
        champion=state.quality,
        gate=verdict.metrics,
        refused=verdict.refused,
        audit=audit,
    )


def _read(stage: Stage, model: Classifier, texts: Sequence[LabelledText]) -> list[Signals]:
    candidates = [Candidate(item.id, item.text, item.meta) for item in texts]
    return stage.reader.read(candidates, model)


def measure(stage: Stage, model: Classifier, texts: Sequence[LabelledText]) -> Quality:
    """Answer the texts as serving would and compare with their labels."""
    signals = _read(stage, model, texts)
    scores, right = {}, {}
    for head in stage.taxonomy.heads:
        codes = {code: column for column, code in enumerate(head.by_code)}
        rows = [i for i, item in enumerate(texts) if head.name in item.labels]
        gold = np.array([codes[texts[i].labels[head.name]] for i in rows])
        answered = np.array([codes[signals[i].prediction.heads[head.name].leaf] for i in rows])
        scores[head.name] = macro_f1(gold, answered)
        right[head.name] = float((gold == answered).mean())
    looked = [any(reason != _AUDITED for reason in s.reasons) for s in signals]
    return Quality(scores, right, float(np.mean(looked)))


def _counts(stage: Stage, state: _State) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for head, codes in stage.base_counts.items():
        found[head].update(codes)
    for item in state.revealed:
        for head, code in item.labels.items():
            found[head][code] += 1.0
    return found


def _audit(
    signals: Sequence[Signals], chosen: Sequence[Selected], labels: Mapping[str, LabelledText]
) -> Audit:
    right = {
        s.id: float(all(s.prediction.heads[h].leaf == c for h, c in labels[s.id].labels.items()))
        for s in signals
    }
    values = [right[one.id] for one in chosen]
    found = hajek(values, [one.inclusion_probability for one in chosen])
    return Audit(
        estimate=found.value,
        low=found.low,
        high=found.high,
        naive=float(np.mean(values)),
        truth=float(np.mean(list(right.values()))),
    )
