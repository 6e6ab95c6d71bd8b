"""What a run of the suite found, as plain frozen values that go to JSON and back.

A number that could not be measured is None. Texts in here are masked (`data.pii.mask`), and spans
are of the masked text. Ids in `examples` are keys of `SuiteResult.cases`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from data.errors import FileFormatError
from eval.metrics import Figure
from eval.suite.result_heads import Better as Better
from eval.suite.result_heads import ClassResult as ClassResult
from eval.suite.result_heads import Confusion as Confusion
from eval.suite.result_heads import Depth as Depth
from eval.suite.result_heads import HeadResult as HeadResult
from eval.suite.result_heads import McNemar as McNemar
from eval.suite.result_heads import MetricResult as MetricResult
from eval.suite.result_heads import Promise as Promise
from eval.suite.result_heads import ReliabilityBin as ReliabilityBin
from eval.suite.result_heads import RiskPoint as RiskPoint

FORMAT = 1

Status = Literal["passed", "failed", "unknown", "skipped"]
Scope = Literal["head", "class", "slice", "decision", "model", "behaviour"]


@dataclass(frozen=True, slots=True)
class Misroute:
    """`n` complaints of department `gold` sent to `answered`; `silent` of them unreviewed."""

    gold: str
    gold_name: str
    answered: str
    answered_name: str
    n: int
    silent: int
    cost: float
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """End to end, through the rules and the routing.

    `metrics` by name: lead_right, lead_lenient, misrouting_cost, review_rate, urgent_missed,
    urgent_missed_unseen, false_urgent, deadlines_right. `review_reasons` are shares of all texts.
    `urgent_missed` are ids.
    """

    n: int
    policy: str
    metrics: dict[str, MetricResult]
    misroutes: tuple[Misroute, ...]
    review_reasons: dict[str, float]
    champion_review_reasons: dict[str, float]
    urgent_texts: int
    urgent_missed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SliceResult:
    """Texts that share `where` (attribute → value), with metrics by `<head>.accuracy`.

    `lead_right` stands beside the heads where routing is measured. `examples` are wrong answers,
    by metric.
    """

    where: dict[str, str]
    n: int
    metrics: dict[str, MetricResult]
    examples: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorstSlice:
    """A slice found by search: `metric` is `value` there and `overall` on all texts.

    `shortfall` is overall minus value with its interval; slices stand in order of what is certain
    of it (its lower bound).
    """

    where: dict[str, str]
    n: int
    metric: str
    value: float
    overall: float
    shortfall: Figure
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CapabilityResult:
    """One cell of the behaviour table."""

    capability: str
    type: str
    cases: int
    passed: int
    champion_passed: int | None = None


@dataclass(frozen=True, slots=True)
class BehaviourFailure:
    """One behaviour case that does not hold."""

    id: str
    capability: str
    type: str
    text: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class BehavioursResult:
    """Behaviour tests: the capability × type table and the challenger's failures."""

    cases: int
    passed: int
    rate: float
    champion_rate: float | None
    table: tuple[CapabilityResult, ...]
    failures: tuple[BehaviourFailure, ...]


@dataclass(frozen=True, slots=True)
class Operations:
    """How a bundle serves: median and 95th percentile of one text in process, and its size.

    `variant` texts of `checked` get other bits when asked again, in a list, or beside neighbours
    in other threads.
    """

    latency_ms: float
    latency_p95_ms: float
    size_mb: float
    checked: int
    variant: int
    variant_examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Leak:
    """Texts of the evaluation that the bundle saw: learnt from, had its thresholds set on, either.

    All are None where the bundle keeps no list of what it saw.
    """

    n: int
    trained: int | None
    calibrated: int | None
    examples: tuple[str, ...] = ()
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """The same texts through a running service: `differing` decisions are not the same."""

    url: str
    model: str
    n: int
    differing: int
    fields: dict[str, int] = field(default_factory=dict)
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelResult:
    """A bundle as evaluated; `snapshot` and `training` are from its manifest."""

    version: str
    kind: str
    created_at: str
    taxonomy: str
    snapshot: dict[str, Any]
    training: dict[str, Any]
    operations: Operations
    leak: Leak


@dataclass(frozen=True, slots=True)
class DataResult:
    """What was evaluated on; `sha256` is over ids, texts and labels in order."""

    name: str
    n: int
    sha256: str
    labelled: dict[str, int]


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate.

    `scope` and `where` say what it is about: `head` (the head's name), `class` ("head:code"),
    `slice` ("attribute=value · attribute=value"), or all texts (""). `rule` is the limit in words
    ("≥ 0.6", "loss to champion ≤ 0.01"), `limit` its number. `examples` are the worst cases.
    `unknown` fails a run only if `required`; `skipped` means there is nothing to compare with.
    """

    metric: str
    scope: Scope
    where: str
    status: Status
    rule: str
    limit: float
    value: float | None
    champion: float | None = None
    difference: Figure | None = None
    n: int | None = None
    required: bool = False
    why: str = ""
    examples: tuple[str, ...] = ()

    @property
    def stops(self) -> bool:
        """Whether this alone keeps the challenger from serving."""
        return self.status == "failed" or (self.status == "unknown" and self.required)

    def __str__(self) -> str:
        place = f" of {self.where}" if self.where else ""
        value = "unknown" if self.value is None else f"{self.value:.4g}"
        beside = "" if self.champion is None else f" (champion {self.champion:.4g})"
        return f"{self.metric}{place} is {value}{beside}, expected {self.rule}"


@dataclass(frozen=True, slots=True)
class CaseHead:
    """One head of a case: label, answer, evidence as (start, end, weight) of the masked text.

    `gold` is None where the text is not labelled for it.
    """

    gold: str | None
    readings: tuple[str, ...]
    predicted: str
    leaf: str
    confidence: float
    right: bool | None
    evidence: tuple[tuple[int, int, float], ...]
    champion: str | None = None
    champion_confidence: float | None = None


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A text that something in the result points at, with labels and answers.

    `urgency` is the level after rules, `lead` and `gold_lead` department names.
    """

    id: str
    text: str
    fields: dict[str, str]
    heads: dict[str, CaseHead]
    urgency: str | None
    rules: tuple[str, ...]
    lead: str
    gold_lead: str | None
    review: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """Everything. `passed` is the verdict: no gate stops the challenger."""

    created_at: str
    suite: str
    data: DataResult
    taxonomy: str
    challenger: ModelResult
    champion: ModelResult | None
    heads: dict[str, HeadResult]
    decisions: DecisionResult
    slices: tuple[SliceResult, ...]
    worst_slices: tuple[WorstSlice, ...]
    behaviours: BehavioursResult | None
    served: Served | None
    gates: tuple[GateResult, ...]
    cases: dict[str, CaseResult]
    format: int = FORMAT

    @property
    def passed(self) -> bool:
        """Whether the challenger may serve."""
        return not self.stopping

    @property
    def stopping(self) -> tuple[GateResult, ...]:
        """The gates that keep it from serving."""
        return tuple(gate for gate in self.gates if gate.stops)

    def as_json(self) -> dict[str, Any]:
        """Everything, ready for `orjson.dumps`; `passed` is added for readers."""
        return {"passed": self.passed, **asdict(self)}

    @classmethod
    def from_json(cls, value: Any) -> SuiteResult:
        """What `as_json` gave, also after a trip through JSON.

        Raises FileFormatError naming the key that is not as expected.
        """
        try:
            found = _adapter().validate_python(value)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise FileFormatError(first["msg"], field=f"suite result: {where}") from error
        if found.format != FORMAT:
            raise FileFormatError(
                f"expected format {FORMAT}, got {found.format}", field="suite result: format"
            )
        return found


@cache
def _adapter() -> TypeAdapter[SuiteResult]:
    return TypeAdapter(SuiteResult)
