"""The texts that a result points at: masked, with labels, answers and evidence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from data.labelled import LabelledText
from data.pii.mask import mask
from data.taxonomy.schema import Head
from eval.suite.answers import Answered
from eval.suite.result import (
    CaseHead,
    CaseResult,
    DecisionResult,
    GateResult,
    HeadResult,
    ModelResult,
    Served,
    WorstSlice,
)
from model.classifier import Evidence, HeadPrediction

_FIELDS = ("source", "channel", "style", "kind", "group")


def referenced(
    heads: Iterable[HeadResult],
    decisions: DecisionResult,
    worst: Iterable[WorstSlice],
    models: Iterable[ModelResult],
    served: Served | None,
    gates: Iterable[GateResult],
    *,
    confusions: int = 60,
    missed: int = 30,
) -> list[str]:
    """Ids that something points at, each once; of confusions and missed texts the first few."""
    groups: list[Sequence[str]] = []
    for head in heads:
        groups += [head.errors, *(c.examples for c in head.classes)]
        groups += [c.examples for c in head.confusions[:confusions]]
    groups += [decisions.urgent_missed[:missed], *(m.examples for m in decisions.misroutes)]
    groups += [each.examples for each in worst]
    for model in models:
        groups += [model.leak.examples, model.operations.variant_examples]
    groups += [served.examples if served else (), *(gate.examples for gate in gates)]
    return list(dict.fromkeys(name for group in groups for name in group))


def case_result(one: Answered, other: Answered | None, heads: Sequence[Head]) -> CaseResult:
    """One text with both answers; personal data in it is masked, and spans moved with it."""
    shown = mask(one.item.text).text
    places = _moved(one.item.text, shown)
    decision = one.decision
    return CaseResult(
        id=one.item.id,
        text=shown,
        fields={name: str(one.item.meta[name]) for name in _FIELDS if one.item.meta.get(name)},
        heads={
            head.name: _case_head(
                head,
                one.item,
                one.prediction.heads[head.name],
                other.prediction.heads.get(head.name) if other else None,
                places,
            )
            for head in heads
        },
        urgency=decision.urgency.code if decision.urgency else None,
        rules=decision.urgency.rules if decision.urgency else (),
        lead=decision.routing.lead.name,
        gold_lead=one.gold.lead_name,
        review=decision.review.reasons,
    )


def _case_head(
    head: Head,
    item: LabelledText,
    answer: HeadPrediction,
    before: HeadPrediction | None,
    places: Sequence[int],
) -> CaseHead:
    gold = item.labels.get(head.name)
    return CaseHead(
        gold=gold,
        readings=item.readings(head.name) if gold else (),
        predicted=answer.code,
        leaf=answer.leaf,
        confidence=round(answer.confidence, 4),
        right=head.is_under(gold, answer.code) if gold else None,
        evidence=tuple(_span(each, places) for each in answer.evidence),
        champion=before.code if before else None,
        champion_confidence=round(before.confidence, 4) if before else None,
    )


def _span(evidence: Evidence, places: Sequence[int]) -> tuple[int, int, float]:
    return places[evidence.start], places[evidence.end], evidence.weight


def _moved(text: str, shown: str) -> list[int]:
    """Where every place between characters of `text` (length + 1) stands in `shown`."""
    if text == shown:
        return list(range(len(text) + 1))
    places = [0] * (len(text) + 1)
    blocks = difflib.SequenceMatcher(None, text, shown, autojunk=False).get_opcodes()
    for kind, start, end, to, stop in blocks:
        for i in range(start, end):
            places[i] = to + (i - start if kind == "equal" else min(i - start, stop - to))
    places[len(text)] = len(shown)
    return places
