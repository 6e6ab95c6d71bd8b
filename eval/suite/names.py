"""Every metric by name: what it measures, of what, and which way is better."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from eval.suite.result import Better

Area = Literal["head", "decision", "model", "behaviour"]


@dataclass(frozen=True, slots=True)
class MetricName:
    """A metric as people read it."""

    area: Area
    better: Better
    english: str
    chinese: str


def _head(better: Better, english: str, chinese: str) -> MetricName:
    return MetricName("head", better, english, chinese)


def _decision(better: Better, english: str, chinese: str) -> MetricName:
    return MetricName("decision", better, english, chinese)


def _model(english: str, chinese: str) -> MetricName:
    return MetricName("model", "lower", english, chinese)


METRICS: dict[str, MetricName] = {
    "accuracy": _head("higher", "exactly the label", "准确率"),
    "lenient": _head("higher", "the label or a second reading", "准确率（含第二读法）"),
    "macro_f1": _head("higher", "mean F1 over labels", "宏平均 F1"),
    "micro_f1": _head("higher", "F1 over all answers", "微平均 F1"),
    "weighted_f1": _head("higher", "F1 weighted by support", "加权 F1"),
    "top2": _head("higher", "label among the two most probable", "前二命中率"),
    "top3": _head("higher", "label among the three most probable", "前三命中率"),
    "ece": _head("lower", "expected calibration error", "期望校准误差"),
    "brier": _head("lower", "Brier score over all leaves", "Brier 分数"),
    "aurc": _head("lower", "area under the risk-coverage curve", "风险–覆盖曲线下面积"),
    "coverage": _head("higher", "answers above the review threshold", "自动答复占比"),
    "automatic": _head("higher", "right among those answers", "自动答复准确率"),
    "coverage_at_promise": _head(
        "higher", "largest share answered at the promised precision", "达到承诺准确率时的覆盖率"
    ),
    "hierarchical_precision": _head("higher", "hierarchical precision", "层级精确率"),
    "hierarchical_recall": _head("higher", "hierarchical recall", "层级召回率"),
    "hierarchical_f1": _head("higher", "hierarchical F1", "层级 F1"),
    "backed_off": _head("lower", "answers above the leaf", "退回上级的占比"),
    "kappa": _head("higher", "quadratic weighted kappa", "二次加权 kappa"),
    "mae": _head("lower", "mean distance in levels", "平均等级误差"),
    "urgent_recall": _head("higher", "urgent texts the model finds", "紧急召回率（模型）"),
    "urgent_precision": _head("higher", "urgent answers that are", "紧急精确率（模型）"),
    "lead_right": _decision("higher", "lead department right", "主办部门正确率"),
    "lead_lenient": _decision(
        "higher", "lead department right by some reading", "主办部门正确率（含第二读法）"
    ),
    "misrouting_cost": _decision("lower", "mean cost of routing and review", "平均误派成本"),
    "review_rate": _decision("lower", "decisions a person must see", "复核率"),
    "urgent_missed": _decision("lower", "urgent texts missed after rules", "规则后漏判紧急的占比"),
    "urgent_missed_unseen": _decision(
        "lower", "urgent texts missed after rules and review", "漏判紧急且无人复核的占比"
    ),
    "false_urgent": _decision("lower", "other texts called urgent", "误判为紧急的占比"),
    "deadlines_right": _decision("higher", "every clock right", "时限全部正确率"),
    "latency_ms": _model("median milliseconds a text", "单条用时中位数（毫秒）"),
    "size_mb": _model("megabytes on disk", "模型大小（MB）"),
    "variant": _model("texts whose answer depends on company", "答案不稳定的文本数"),
    "leaked": _model("share of texts seen in training", "训练中见过的占比"),
    "served_differing": _model("decisions the service gives otherwise", "与线上服务不一致的条数"),
    "behaviours": MetricName("behaviour", "higher", "behaviour cases that hold", "行为测试通过率"),
}

_LEVEL = re.compile(r"level([1-9])")


def metric(name: str) -> MetricName | None:
    """The metric of that name; `level1`, `level2` … are accuracies at a tree's levels."""
    if found := _LEVEL.fullmatch(name):
        return _head("higher", f"right at level {found[1]}", f"第 {found[1]} 级准确率")
    return METRICS.get(name)


def better(name: str) -> Better:
    """Which way is better. Raises KeyError for an unknown metric."""
    found = metric(name)
    if found is None:
        raise KeyError(name)
    return found.better
