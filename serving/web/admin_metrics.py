"""What the suite's metrics are called on pages; serving does without the suite itself."""

from __future__ import annotations

from typing import Final

TITLES: Final = {
    "accuracy": "准确率",
    "lenient": "准确率（含第二读法）",
    "macro_f1": "宏平均 F1",
    "micro_f1": "微平均 F1",
    "weighted_f1": "加权 F1",
    "top2": "前二命中率",
    "top3": "前三命中率",
    "ece": "期望校准误差",
    "brier": "Brier 分数",
    "aurc": "风险–覆盖曲线下面积",
    "coverage": "自动答复占比",
    "automatic": "自动答复准确率",
    "coverage_at_promise": "达到承诺准确率时的覆盖率",
    "hierarchical_precision": "层级精确率",
    "hierarchical_recall": "层级召回率",
    "hierarchical_f1": "层级 F1",
    "backed_off": "退回上级的占比",
    "kappa": "二次加权 kappa",
    "mae": "平均等级误差",
    "urgent_recall": "紧急召回率（模型）",
    "urgent_precision": "紧急精确率（模型）",
    "lead_right": "主办部门正确率",
    "lead_lenient": "主办部门正确率（含第二读法）",
    "misrouting_cost": "平均误派成本",
    "review_rate": "复核率",
    "urgent_missed": "规则后漏判紧急的占比",
    "urgent_missed_unseen": "漏判紧急且无人复核的占比",
    "false_urgent": "误判为紧急的占比",
    "deadlines_right": "时限全部正确率",
    "latency_ms": "单条用时中位数（毫秒）",
    "size_mb": "模型大小（MB）",
    "variant": "答案不稳定的文本数",
    "leaked": "训练中见过的占比",
    "served_differing": "与线上服务不一致的条数",
    "behaviours": "行为测试通过率",
}
