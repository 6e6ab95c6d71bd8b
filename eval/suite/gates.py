"""Hold figures against their limits. A gate says what it measured, where, and what was allowed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from eval.metrics import Figure
from eval.suite.config import MetricGate, SuiteConfig
from eval.suite.gates_local import behaviour_gates, class_gates, slice_gates
from eval.suite.names import better, metric
from eval.suite.result import (
    BehavioursResult,
    DecisionResult,
    GateResult,
    HeadResult,
    MetricResult,
    ModelResult,
    Scope,
    Served,
    SliceResult,
    Status,
)

# Differences of shares come with the dust of floating point.
_DUST = 1e-9
_EXAMPLES = 5


@dataclass(frozen=True)
class Measured:
    """Everything that gates look at."""

    heads: Mapping[str, HeadResult]
    decisions: DecisionResult
    slices: tuple[SliceResult, ...]
    challenger: ModelResult
    champion: ModelResult | None
    behaviours: BehavioursResult | None
    served: Served | None


def judge(measured: Measured, config: SuiteConfig) -> tuple[GateResult, ...]:
    """Every gate of the suite, in its order: metrics, labels, slices, behaviours."""
    heads, compared = measured.heads, measured.champion is not None
    found: list[GateResult] = []
    for metric_gate in config.metric:
        found += _metric_gates(metric_gate, measured)
    for class_gate in config.per_class:
        found += class_gates(class_gate, heads, compared)
    for slice_gate in config.per_slice:
        found += slice_gates(slice_gate, heads, measured.slices, compared)
    for behaviour_gate in config.behaviour:
        found += behaviour_gates(behaviour_gate, measured.behaviours, compared)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A figure to be held against a gate; `value` is None where it is not known."""

    scope: Scope
    where: str
    value: float | None
    champion: float | None = None
    difference: Figure | None = None
    n: int | None = None
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Check:
    """One limit of a gate: `amount` may not pass it (may not fall below it, for a `floor`)."""

    words: str
    limit: float | None
    amount: float | None
    floor: bool = False
    relative: bool = False

    def status(self) -> Status:
        """Whether it holds; a comparison without anything to compare with is skipped."""
        if self.amount is None or self.limit is None:
            return "skipped" if self.relative else "unknown"
        beyond = self.limit - self.amount if self.floor else self.amount - self.limit
        return "passed" if beyond <= _DUST else "failed"


def _metric_gates(gate: MetricGate, measured: Measured) -> Iterator[GateResult]:
    for reading in _readings(gate, measured):
        for check in _checks(gate, reading):
            if check.limit is not None:
                yield _result(gate, reading, check, check.limit)


def _result(gate: MetricGate, reading: _Reading, check: _Check, limit: float) -> GateResult:
    status = check.status()
    if status == "failed" and _spared(gate, reading, check):
        status = "passed"
    return GateResult(
        metric=gate.metric,
        scope=reading.scope,
        where=reading.where,
        status=status,
        rule=f"{check.words} {limit:g}",
        limit=limit,
        value=reading.value,
        champion=reading.champion,
        difference=reading.difference,
        n=reading.n,
        required=gate.required,
        why=gate.why,
        examples=reading.examples if status == "failed" else (),
    )


def _spared(gate: MetricGate, reading: _Reading, check: _Check) -> bool:
    """A comparison that does not matter at this value, or a floor that the champion misses too."""
    if check.relative:
        return gate.pass_below is not None and (reading.value or 0.0) <= gate.pass_below
    if reading.scope == "model" or reading.champion is None:
        return False
    loss = _losses(gate.metric, reading)[0]
    return loss is not None and loss <= _DUST


def _checks(gate: MetricGate, reading: _Reading) -> tuple[_Check, ...]:
    loss, surely, possibly = _losses(gate.metric, reading)
    value, champion = reading.value, reading.champion
    factor = value / champion if value is not None and champion else None
    return (
        _Check("≥", gate.min, value, floor=True),
        _Check("≤", gate.max, value),
        _Check("loss to champion ≤", gate.max_loss, loss, relative=True),
        _Check("proven loss to champion ≤", gate.proven_loss, surely, relative=True),
        _Check("possible loss to champion ≤", gate.non_inferior, possibly, relative=True),
        _Check("times the champion's ≤", gate.max_factor, factor, relative=True),
    )


def _losses(name: str, reading: _Reading) -> tuple[float | None, float | None, float | None]:
    """How much worse than the champion: the figure, and the ends of its interval."""
    if reading.value is None or reading.champion is None:
        return None, None, None
    sign = -1.0 if better(name) == "higher" else 1.0
    loss = sign * (reading.value - reading.champion)
    if reading.difference is None:
        return loss, None, None
    ends = sorted((sign * reading.difference.low, sign * reading.difference.high))
    return loss, ends[0], ends[1]


def _readings(gate: MetricGate, measured: Measured) -> Iterator[_Reading]:
    known = metric(gate.metric)
    area = known.area if known else None
    if area == "head":
        yield from _of_heads(gate, measured.heads)
    elif area == "decision":
        yield from _of_decisions(gate, measured.decisions)
    elif area == "behaviour":
        found = measured.behaviours
        value = found.rate if found else None
        champion = found.champion_rate if found else None
        yield _Reading("behaviour", "", value, champion, n=found.cases if found else None)
    else:
        yield _of_model(gate.metric, measured)


def _of_heads(gate: MetricGate, heads: Mapping[str, HeadResult]) -> Iterator[_Reading]:
    if gate.head is not None and gate.metric not in _metrics(heads, gate.head):
        yield _Reading("head", gate.head, None)
    for head in heads.values():
        found = head.metrics.get(gate.metric)
        if gate.takes(head.head, head.kind) and found is not None and found.n >= gate.min_texts:
            yield _of_metric("head", head.head, found, head.errors)


def _metrics(heads: Mapping[str, HeadResult], name: str) -> Mapping[str, MetricResult]:
    return heads[name].metrics if name in heads else {}


def _of_decisions(gate: MetricGate, decisions: DecisionResult) -> Iterator[_Reading]:
    found = decisions.metrics.get(gate.metric)
    if found is not None and found.n >= gate.min_texts:
        misrouted = [name for each in decisions.misroutes for name in each.examples]
        urgent = gate.metric.startswith("urgent")
        yield _of_metric(
            "decision", "", found, decisions.urgent_missed if urgent else tuple(misrouted)
        )


def _of_metric(
    scope: Scope, where: str, found: MetricResult, examples: tuple[str, ...]
) -> _Reading:
    return _Reading(
        scope=scope,
        where=where,
        value=found.value.value,
        champion=found.champion.value if found.champion else None,
        difference=found.difference,
        n=found.n,
        examples=examples[:_EXAMPLES],
    )


def _of_model(name: str, measured: Measured) -> _Reading:
    one, other = measured.challenger.operations, measured.champion
    seen, served = measured.challenger.leak, measured.served
    if name == "latency_ms":
        before = other.operations.latency_ms if other else None
        return _Reading("model", "", one.latency_ms, before)
    if name == "size_mb":
        before = other.operations.size_mb if other else None
        return _Reading("model", "", one.size_mb, before)
    if name == "variant":
        return _Reading(
            "model", "", float(one.variant), n=one.checked, examples=one.variant_examples
        )
    if name == "leaked":
        share = None if seen.seen is None else seen.seen / max(seen.n, 1)
        return _Reading("model", "", share, n=seen.n, examples=seen.examples)
    differing = float(served.differing) if served else None
    return _Reading(
        "model",
        "",
        differing,
        n=served.n if served else None,
        examples=served.examples if served else (),
    )
