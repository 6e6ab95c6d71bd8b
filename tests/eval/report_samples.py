"""Small suite results, made by hand, to write reports of."""

from __future__ import annotations

from dataclasses import replace

from eval.metrics import Figure
from eval.suite.result import (
    BehaviourFailure,
    BehavioursResult,
    CapabilityResult,
    CaseHead,
    CaseResult,
    ClassResult,
    Confusion,
    DataResult,
    DecisionResult,
    GateResult,
    HeadResult,
    Leak,
    McNemar,
    MetricResult,
    Misroute,
    ModelResult,
    Operations,
    Promise,
    ReliabilityBin,
    RiskPoint,
    Served,
    SliceResult,
    SuiteResult,
    WorstSlice,
)

HOSTILE = '<script>alert("钱")</script><img src=x onerror=alert(1)> & 扣了我的钱'


def metric(
    name: str, value: float, *, n: int = 40, better: str = "higher", gap: float | None = None
) -> MetricResult:
    beside = gap is not None
    return MetricResult(
        name=name,
        better="higher" if better == "higher" else "lower",
        n=n,
        value=Figure(value, value - 0.04, value + 0.03),
        champion=Figure(value - (gap or 0), value - 0.06, value + 0.01) if beside else None,
        difference=Figure(gap, gap - 0.01, gap + 0.01) if gap is not None else None,
    )


def model(version: str) -> ModelResult:
    return ModelResult(
        version=version,
        kind="linear",
        created_at="2026-11-22T04:06:34Z",
        taxonomy="two@1+abc",
        snapshot={"id": "s1", "counts": {"train": 10}},
        training={"seed": 1, "layers": list(range(9))},
        operations=Operations(0.42, 0.9, 12.5, 64, 0),
        leak=Leak(40, 0, None),
    )


def mood(*, compared: bool = False) -> HeadResult:
    """One flat head of two labels."""
    gap = 0.02 if compared else None
    bins = (ReliabilityBin(0.6, 0.5, 10), ReliabilityBin(0.95, 0.9, 30))
    curve = (RiskPoint(0.1, 0.0, 0.99), RiskPoint(0.6, 0.05, 0.8), RiskPoint(1.0, 0.2, 0.5))
    return HeadResult(
        head="mood",
        title="情绪",
        kind="flat",
        n=40,
        labels={"good": "好", "bad": "坏"},
        parents={},
        metrics={
            "accuracy": metric("accuracy", 0.8, gap=gap),
            "macro_f1": metric("macro_f1", 0.78, gap=gap),
            "ece": metric("ece", 0.05, better="lower", gap=gap),
        },
        classes=(
            ClassResult("good", "好", 20, 18, 0.9, 0.8, 0.85),
            ClassResult("bad", "坏", 20, 22, 0.8, 0.9, 0.84),
        ),
        matrix=(("good", "good", 16), ("good", "bad", 4), ("bad", "bad", 18), ("bad", "good", 2)),
        confusions=(Confusion("good", "bad", 4, ("t1",)), Confusion("bad", "good", 2)),
        reliability=bins,
        champion_reliability=bins if compared else (),
        risk_coverage=curve,
        champion_risk_coverage=curve if compared else (),
        promise=Promise(0.95, 0.05, 0.8, 0.6, 0.95),
        champion_promise=None,
        mcnemar=McNemar(3, 5, 0.7) if compared else None,
        backoff=(),
        urgent=(),
        errors=("t1",),
    )


def case(case_id: str, text: str) -> CaseResult:
    head = CaseHead("good", ("bad",), "bad", "bad", 0.93, False, ((0, 3, 0.4), (2, 8, 0.2)))
    return CaseResult(
        id=case_id,
        text=text,
        fields={"channel": "phone"},
        heads={"mood": head},
        urgency=None,
        rules=(),
        lead="客服部",
        gold_lead="信用卡部",
        review=("low_confidence:mood",),
    )


def gate(status: str, **changes: object) -> GateResult:
    plain = GateResult(
        metric="accuracy",
        scope="head",
        where="mood",
        status="passed",
        rule="≥ 0.75",
        limit=0.75,
        value=0.8,
        n=40,
    )
    return replace(plain, status=status, **changes)  # type: ignore[arg-type]


def alone(*gates: GateResult, text: str = "办卡时扣了我的钱") -> SuiteResult:
    """A taxonomy of one head with two labels, no champion, no behaviour tests."""
    return SuiteResult(
        created_at="2026-11-22T05:00:00Z",
        suite="suite@1+0123",
        data=DataResult("moods.csv", 40, "ab" * 32, {"mood": 40}),
        taxonomy="two@1+abc",
        challenger=model("linear-new"),
        champion=None,
        heads={"mood": mood()},
        decisions=DecisionResult(40, "generic@1", {}, (), {}, {}, 0, ()),
        slices=(),
        worst_slices=(),
        behaviours=None,
        served=None,
        gates=gates,
        cases={"t1": case("t1", text)},
    )


def beside(*gates: GateResult, text: str = "办卡时扣了我的钱") -> SuiteResult:
    """The same beside a champion, with everything a result can hold."""
    lead = metric("lead_right", 0.9, gap=-0.03)
    return replace(
        alone(*gates, text=text),
        champion=model("linear-old"),
        heads={"mood": mood(compared=True)},
        decisions=DecisionResult(
            n=40,
            policy="generic@1",
            metrics={"lead_right": lead, "review_rate": metric("review_rate", 0.3, gap=0.0)},
            misroutes=(Misroute("card", "信用卡部", "desk", "客服部", 3, 1, 7.5, ("t1",)),),
            review_reasons={"low_confidence:mood": 0.2, "house_rule": 0.1},
            champion_review_reasons={"low_confidence:mood": 0.3},
            urgent_texts=5,
            urgent_missed=("t1",),
        ),
        slices=(SliceResult({"length": "<30"}, 12, {"mood.accuracy": metric("a", 0.7, n=12)}),),
        worst_slices=(
            WorstSlice(
                {"length": "<30", "mood": "bad"},
                12,
                "mood.accuracy",
                0.6,
                0.8,
                Figure(0.2, 0.05, 0.35),
                ("t1",),
            ),
        ),
        behaviours=BehavioursResult(
            cases=3,
            passed=2,
            rate=2 / 3,
            champion_rate=1.0,
            table=(
                CapabilityResult("否定", "MFT", 2, 1, 2),
                CapabilityResult("标点", "INV", 1, 1, 1),
            ),
            failures=(BehaviourFailure("neg-1", "否定", "MFT", text, "bad", "good"),),
        ),
        served=Served("http://127.0.0.1:8000", "linear-new", 40, 1, {"routing.lead": 1}, ("t1",)),
    )
