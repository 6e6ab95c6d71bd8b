"""Gates on parts: single labels, slices, behaviours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist

from eval.metrics import Figure
from eval.suite.config import BehaviourGate, ClassGate, SliceGate
from eval.suite.result import (
    BehavioursResult,
    CapabilityResult,
    ClassResult,
    GateResult,
    HeadResult,
    MetricResult,
    SliceResult,
    Status,
)

_EXAMPLES = 5
_DUST = 1e-9
_Z95 = NormalDist().inv_cdf(0.975)


def class_gates(
    gate: ClassGate, heads: Mapping[str, HeadResult], compared: bool
) -> Iterator[GateResult]:
    """One result per limit and label with enough texts."""
    chosen = [
        (head.head, each)
        for head in heads.values()
        if gate.takes(head.head, head.kind)
        for each in head.classes
        if each.support >= gate.min_support and (not gate.labels or each.code in gate.labels)
    ]
    for head, each in chosen:
        yield from _of_class(gate, head, each, gate.alpha / len(chosen), compared)


def _of_class(
    gate: ClassGate, head: str, each: ClassResult, alpha: float, compared: bool
) -> Iterator[GateResult]:
    recall = gate.metric == "recall"
    value = each.recall if recall else each.f1
    before = each.champion_recall if recall else each.champion_f1
    if gate.min is not None:
        status = _floor(value, gate.min, before)
        yield _class_result(gate, head, each, status, f"≥ {gate.min:g}", gate.min)
    if gate.max_loss is not None:
        status = "skipped"
        if compared and before is not None and each.p_worse is not None:
            lost = before - value > gate.max_loss + _DUST and each.p_worse < alpha
            status = "failed" if lost else "passed"
        rule = f"proven loss to champion ≤ {gate.max_loss:g}"
        yield _class_result(gate, head, each, status, rule, gate.max_loss)


def _floor(value: float, limit: float, champion: float | None) -> Status:
    """A floor that the champion misses too does not keep out a challenger that is no worse."""
    held = value >= limit - _DUST or (champion is not None and value >= champion - _DUST)
    return "passed" if held else "failed"


def _class_result(
    gate: ClassGate, head: str, each: ClassResult, status: Status, rule: str, limit: float
) -> GateResult:
    recall = gate.metric == "recall"
    return GateResult(
        metric=gate.metric,
        scope="class",
        where=f"{head}:{each.code}",
        status=status,
        rule=rule,
        limit=limit,
        value=each.recall if recall else each.f1,
        champion=each.champion_recall if recall else each.champion_f1,
        n=each.support,
        why=gate.why,
        examples=each.examples[:_EXAMPLES] if status == "failed" else (),
    )


def slice_gates(
    gate: SliceGate,
    heads: Mapping[str, HeadResult],
    slices: Sequence[SliceResult],
    compared: bool,
) -> Iterator[GateResult]:
    """One result per limit, head and slice with enough texts."""
    chosen = [
        (each, found)
        for each in slices
        if not gate.columns or set(each.where) <= set(gate.columns)
        for head in heads.values()
        if gate.takes(head.head, head.kind)
        and (found := each.metrics.get(f"{head.head}.accuracy")) is not None
        and found.n >= gate.min_texts
    ]
    for each, found in chosen:
        yield from _of_slice(gate, each, found, gate.alpha / len(chosen), compared)


def _of_slice(
    gate: SliceGate, each: SliceResult, found: MetricResult, alpha: float, compared: bool
) -> Iterator[GateResult]:
    if gate.min is not None:
        status = _floor(
            found.value.value, gate.min, found.champion.value if found.champion else None
        )
        yield _slice_result(gate, each, found, status, f"≥ {gate.min:g}", gate.min)
    if gate.max_loss is not None:
        status = "skipped"
        if compared and found.difference is not None:
            lost = -found.difference.value > gate.max_loss + _DUST
            status = "failed" if lost and _proven(found.difference, alpha) else "passed"
        rule = f"proven loss to champion ≤ {gate.max_loss:g}"
        yield _slice_result(gate, each, found, status, rule, gate.max_loss)


def _proven(difference: Figure, alpha: float) -> bool:
    """Whether a loss is larger than chance makes it, by the width of its 95 % interval."""
    error = (difference.high - difference.low) / (2 * _Z95)
    return -difference.value > NormalDist().inv_cdf(1 - alpha) * error


def _slice_result(
    gate: SliceGate,
    each: SliceResult,
    found: MetricResult,
    status: Status,
    rule: str,
    limit: float,
) -> GateResult:
    return GateResult(
        metric=found.name,
        scope="slice",
        where=" · ".join(f"{name}={value}" for name, value in each.where.items()),
        status=status,
        rule=rule,
        limit=limit,
        value=found.value.value,
        champion=found.champion.value if found.champion else None,
        difference=found.difference,
        n=found.n,
        why=gate.why,
        examples=each.examples.get(found.name, ())[:_EXAMPLES] if status == "failed" else (),
    )


def behaviour_gates(
    gate: BehaviourGate, found: BehavioursResult | None, compared: bool
) -> Iterator[GateResult]:
    """The share of the chosen cases that hold."""
    rows = [row for row in found.table if _chosen(gate, row)] if found else []
    cases = sum(row.cases for row in rows)
    value = sum(row.passed for row in rows) / cases if cases else None
    before = None
    if compared and cases and all(row.champion_passed is not None for row in rows):
        before = sum(row.champion_passed or 0 for row in rows) / cases
    where = " · ".join(name for name in (gate.capability, gate.type) if name)
    limits = (
        (gate.min, "≥", value, value),
        (gate.max_loss, "loss to champion ≤", value, before),
    )
    for limit, words, amount, beside in limits:
        if limit is None:
            continue
        status: Status = "unknown"
        if amount is not None:
            status = "skipped" if beside is None else "passed"
            if status == "passed":
                floor = limit if words == "≥" else (beside or 0.0) - limit
                status = _floor(amount, floor, before if words == "≥" else None)
        yield GateResult(
            metric="behaviours",
            scope="behaviour",
            where=where,
            status=status,
            rule=f"{words} {limit:g}",
            limit=limit,
            value=value,
            champion=before,
            n=cases,
            required=gate.required,
            why=gate.why,
        )


def _chosen(gate: BehaviourGate, row: CapabilityResult) -> bool:
    return gate.type in (None, row.type) and gate.capability in (None, row.capability)
