"""What the page of a complaint calls things: kinds of moments, fields of events, what changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from data.taxonomy.schema import Taxonomy
from serving.cases.changes import Change
from serving.cases.machine import machine
from serving.review import names, skipping
from serving.review.desk import Desk
from serving.triage.policy import Policy
from serving.web.formats import when

_WORDS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    # What is named: its name, and the colour of its badge.
    "status": {
        "open": ("待受理", "amber"), "accepted": ("处理中", "blue"), "resolved": ("已办结", "green"),
        "withdrawn": ("已撤回", "grey"),
    },
    "review": {
        "none": ("无需复核", "grey"), "waiting": ("待复核", "orange"), "done": ("已复核", "green"),
    },
    "clock": {
        "running": ("计时中", "blue"), "paused": ("已中止", "amber"), "met": ("已完成", "green"),
        "breached": ("已逾期", "red"), "void": ("不再计时", "grey"),
    },
    "message": {
        "pending": ("待送达", "amber"), "delivered": ("已送达", "green"), "dead": ("投递失败", "red"),
    },
    "order": {
        "order": ("派单", "blue"), "withdrawal": ("撤单", "grey"), "escalation": ("督办", "red"),
    },
    "part": {
        "lead": ("主办", "blue"), "assisting": ("协办", "grey"), "investigator": ("核实", "grey"),
        "copy": ("抄送", "grey"), "copies": ("抄送", "grey"), "escalation": ("督办", "red"),
    },
    "act": {
        "claimed": ("领取复核", "grey"), "released": ("放回队列", "grey"), "skipped": ("跳过", "amber"),
        "submitted": ("提交复核", "green"), "undone": ("撤销复核", "amber"),
        "revealed": ("查看个人信息", "grey"),
    },
    "round": {"1": ("初次复核", "grey"), "2": ("双人复核", "blue"), "3": ("裁定", "orange")},
    "item": {
        "open": ("进行中", "amber"), "done": ("已提交", "green"), "undone": ("已撤销", "grey"),
        "closed": ("已关闭", "grey"),
    },
    "role": {
        "review": ("复核", "grey"), "adjudication": ("裁定", "orange"), "department": ("部门", "blue"),
        "retraction": ("撤回", "grey"),
    },
    "satisfaction": {
        "very_satisfied": ("非常满意", "green"), "satisfied": ("满意", "green"),
        "neutral": ("一般", "amber"), "dissatisfied": ("不满意", "red"),
    },
    "why": {"appraisal": ("外部鉴定", "amber"), "mediation": ("调解", "amber")},
    "step": {
        "review": ("退回复核", "grey"), "escalation": ("升级", "orange"), "supervision": ("督办", "red"),
    },
    "field": {
        "result": ("处理结果", ""), "root_cause": ("根本原因", ""), "merged_into": ("并入的投诉", ""),
        "reason": ("原因", ""), "suggested": ("建议部门", ""), "labels": ("部门认定", ""),
        "extension": ("延长至", ""), "clock": ("时限", ""), "clocks": ("时限", ""),
        "approver": ("审批人", ""), "told_at": ("告知客户", ""), "why": ("事由", ""),
        "satisfaction": ("评价", ""), "due_at": ("新期限", ""), "days": ("顺延天数", ""),
        "step": ("升级为", ""), "bounces": ("退回次数", ""), "from": ("原主办", ""), "to": ("现主办", ""),
        "attempts": ("投递次数", ""), "status": ("应答状态", ""), "part": ("身份", ""),
        "order": ("工单", ""), "at": ("发生时间", ""), "note": ("说明", ""), "kind": ("事项", ""),
        "department": ("部门", ""), "statutory": ("法定", ""), "event_id": ("表单", ""),
        "changed": ("改动", ""),
    },
    "change": {
        "flags": ("敏感信息", ""), "lead": ("主办部门", ""), "assisting": ("协办", ""),
        "investigator": ("核实", ""), "copies": ("抄送", ""), "branch": ("属地机构", ""),
        "review": ("复核原因", ""),
    },
    "suppressed": {},
    "action": {
        "complaint.revealed": ("查看个人信息", ""), "labels.recorded": ("记录标签", ""),
        "labels.retracted": ("撤回标签", ""), "outbox.replayed": ("重新投递", ""),
        "case.escalation": ("升级", ""), "case.supervision": ("督办", ""),
        "decision.created": ("作出判定", ""),
    },
}  # fmt: skip
# Fields of events that say nothing to people.
_INNER: Final = frozenset({"item", "message", "decision", "round", "statutory"})


@dataclass(frozen=True)
class Names:
    """Names for what stands in a story, by the policy in force when the complaint came in."""

    desk: Desk
    policy: Policy

    @property
    def taxonomy(self) -> Taxonomy:
        """The codes that serve now."""
        return self.desk.taxonomy

    def of(self, kind: str, code: Any) -> str:
        """The name of a code; one that is not known is its own name."""
        return _WORDS[kind].get(str(code), (str(code), ""))[0]

    def tone(self, kind: str, code: Any) -> str:
        """The colour of its badge."""
        return _WORDS[kind].get(str(code), ("", "grey"))[1] or "grey"

    def event(self, kind: str) -> str:
        """An event's kind."""
        known = machine().kinds.get(kind)
        return known.name if known else kind

    def action(self, action: str) -> str:
        """What the audit trail says was done."""
        if action.startswith("case."):
            return (
                self.event(action.removeprefix("case."))
                if action.removeprefix("case.") in (machine().kinds)
                else self.of("action", action)
            )
        return self.of("action", action)

    def head(self, name: str) -> str:
        """A head's title."""
        return self.taxonomy[name].title if name in self.taxonomy else name

    def label(self, head: str, code: str) -> str:
        """A label's name; of a head or code that there is no more, the code."""
        if head not in self.taxonomy or code not in self.taxonomy[head].by_code:
            return code
        return self.taxonomy[head].by_code[code].name

    def path(self, label: Mapping[str, Any], head: str) -> str:
        """Names from the root down to what stands above a label of an answer."""
        return " / ".join(self.label(head, code) for code in label["path"][:-1])

    def department(self, code: str | None) -> str:
        """A department's name."""
        known = self.policy.router.departments
        return known[code].name if code in known else code or "—"

    def rule(self, rule_id: str) -> str:
        """A rule's name."""
        return next(
            (rule.name for rule in self.policy.pack.rules.rules if rule.id == rule_id), rule_id
        )

    def reason(self, code: str) -> str:
        """Why a person must look."""
        return names.reason(code, self.desk)

    def skip(self, reason: str | None) -> str:
        """Why a reviewer passed it on."""
        return skipping.REASONS.get(reason or "", reason or "")

    def clock(self, clock_id: str) -> str:
        """A clock's or an extension's name."""
        clocks = self.policy.pack.deadlines.clocks
        return next((clock.name for clock in clocks if clock.id == clock_id), clock_id)

    def change(self, change: Change) -> tuple[str, str, str]:
        """What changes, from what, to what."""
        if change.kind == "label":
            title = self.head(change.what)
        elif change.kind == "deadline":
            title = change.what
        else:
            title = self.of("change", change.what)
        return title, self._side(change, change.before), self._side(change, change.after)

    def _side(self, change: Change, said: tuple[str, ...]) -> str:
        if not said:
            return "不计时" if change.kind == "deadline" else "无"
        if change.kind == "deadline":
            return when(datetime.fromisoformat(said[0]))
        return "、".join(self.reason(one) if change.kind == "review" else one for one in said)

    def said(self, body: Mapping[str, Any]) -> list[tuple[str, str]]:
        """What an event says, as names and values."""
        return [
            (self.of("field", key), self.value(key, value))
            for key, value in body.items()
            if key not in _INNER and value not in (None, [], {})
        ]

    def value(self, key: str, value: Any) -> str:
        """The value of a field of an event."""
        if key in ("suggested", "from", "to"):
            return self.department(value)
        if key in ("clock", "extension"):
            return self.clock(value)
        if key == "labels":
            return "；".join(f"{self.head(h)} {self.label(h, code)}" for h, code in value.items())
        if key in ("told_at", "due_at"):
            return when(datetime.fromisoformat(value))
        if isinstance(value, list):
            named = self.clock if key == "clocks" else self.head
            return "、".join(named(one) for one in value)
        kind = key if key in _WORDS else ""
        return self.of(kind, value) if kind else str(value)
