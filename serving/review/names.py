"""Reasons for review as people read them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from serving.review.desk import Desk
from serving.store.rows.review import ItemRow

NAMES: Final = {
    "low_confidence": "把握不足",
    "ambiguous": "难以区分",
    "backed_off": "只判到上级",
    "rule_model_disagreement": "规则与模型不一致",
    "maybe_more_urgent": "可能更紧急",
    "urgent": "特急必看",
    "novel": "少见内容",
    "unknown_words": "生词较多",
    "truncated": "文本过长",
    "hint": "内容提示",
    "bounced": "部门退回",
    "disagreement": "意见不一",
    "double": "双人复核",
    "audit_sample": "抽检",
}
"""By what stands before the colon."""

BLIND = "盲审"


def reason(code: str, desk: Desk) -> str:
    """把握不足 · 产品线, of low_confidence:product. What is not known stands for itself."""
    kind, _, about = code.partition(":")
    name = NAMES.get(kind, code)
    if not about or kind not in NAMES:
        return name
    return f"{name} · {desk.taxonomy[about].title if about in desk.taxonomy else about}"


def reasons(item: ItemRow, desk: Desk) -> list[str]:
    """Why an item is here. Of a blind one only that it is: doubts tell what the model said."""
    if item.blind:
        return [BLIND if item.round == 1 else NAMES["double"]]
    return list(_unique(reason(code, desk) for code in item.reasons))


def brief(item: ItemRow) -> list[str]:
    """Why an item is here without of what: for a list. Of a blind one only that it is."""
    if item.blind:
        return [BLIND if item.round == 1 else NAMES["double"]]
    kinds = (code.partition(":")[0] for code in item.reasons)
    return list(_unique(NAMES.get(kind, kind) for kind in kinds))


def _unique(found: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(found)
