"""The axes (维度) complaints are counted along: named by taxonomy and policy, not by code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from data.taxonomy.schema import Head, Taxonomy
from serving.boards.facts import NONE
from serving.triage.policy import Policy

UNKNOWN: Final = "未登记"
# `B03!` is B03 itself, where the answer went no deeper; `B03` is it and everything below.
ITSELF: Final = "!"

_STATUS: Final = {
    "open": "待受理",
    "accepted": "处理中",
    "resolved": "已办结",
    "withdrawn": "已撤回",
}
_REVIEW: Final = {"none": "无需复核", "waiting": "待复核", "done": "已复核"}
_TITLES: Final = {
    "source": "投诉来源", "channel": "业务办理渠道", "segment": "客户类型", "branch": "机构",
}  # fmt: skip
_FIELDS: Final = {"segment": "customer_segment"}


@dataclass(frozen=True)
class Axis:
    """One column of cases: its title, the names of its codes, the head its codes come from."""

    name: str
    title: str
    names: Mapping[str, str] = field(default_factory=dict)
    head: Head | None = None

    def label(self, code: str) -> str:
        """What people call a code; none is 未登记."""
        if code == NONE:
            return UNKNOWN
        if code.endswith(ITSELF):
            return f"{self.label(code.removesuffix(ITSELF))}（未细分）"
        return self.names.get(code, code)

    def under(self, code: str) -> frozenset[str]:
        """The code and, in a tree, all codes below it."""
        if code.endswith(ITSELF):
            return frozenset({code.removesuffix(ITSELF)})
        if self.head is None or code not in self.head.by_code:
            return frozenset({code})
        below = {label.code for label in self.head.labels if self.head.is_under(label.code, code)}
        return frozenset(below)

    @property
    def tree(self) -> bool:
        """Whether its codes have codes below them."""
        return self.head is not None and self.head.depth > 1

    def at_level(self, level: int) -> dict[str, str]:
        """Each code's ancestor at a level, 1 is the root; empty where there is no tree.

        A code that has others below it, but lies above the level, becomes itself alone (`B03!`).
        """
        head = self.head
        if head is None:
            return {}
        return {
            label.code: label.code + ITSELF
            if label.code in head.parents and len(head.path(label.code)) < level
            else head.at_level(label.code, level)
            for label in head.labels
        }

    def order(self) -> dict[str, int]:
        """Where each known code stands in its list; what is not listed comes after."""
        order = {code: 2 * place for place, code in enumerate(self.names)}
        return order | {code + ITSELF: place + 1 for code, place in order.items()}

    def leaf_level(self) -> int:
        """The deepest level of its tree; 0 where there is none."""
        return self.head.depth if self.tree and self.head else 0


@dataclass(frozen=True)
class ClockName:
    """A clock (时限) of the policy, as people call it."""

    id: str
    name: str
    statutory: bool
    extension: bool
    basis: str


@dataclass(frozen=True)
class Axes:
    """All axes there are, by name, and what else people call things."""

    by_name: Mapping[str, Axis]
    clocks: Mapping[str, ClockName]
    flags: Mapping[str, str]

    def __getitem__(self, name: str) -> Axis:
        return self.by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self.by_name

    def get(self, name: str) -> Axis | None:
        """The axis; None where the taxonomy has none such."""
        return self.by_name.get(name)

    def clock(self, code: str) -> str:
        """A clock's name."""
        return self.clocks[code].name if code in self.clocks else code

    def urgent(self) -> list[str]:
        """The more severe half of the levels of urgency, the worst first; empty without any."""
        axis = self.get("urgency")
        if axis is None or axis.head is None:
            return []
        levels = axis.head.leaves
        return list(levels[: max(1, len(levels) // 2)])


def field_of(axis: str) -> str:
    """What the taxonomy calls the list of an axis' codes."""
    return _FIELDS.get(axis, axis)


def axes_of(taxonomy: Taxonomy, policy: Policy) -> Axes:
    """The axes by a taxonomy and the policy in force; a role without a head gives none."""
    found = [
        Axis("lead", "主办部门", {d.code: d.name for d in policy.pack.departments.departments})
    ]
    for role in ("product", "reason", "urgency"):
        name = getattr(policy.roles, role)
        if name is not None and name in taxonomy:
            head = taxonomy[name]
            names = {label.code: label.name for label in head.labels}
            found.append(Axis(role, head.title, names, head))
    for name, title in _TITLES.items():
        codes = taxonomy.fields.get(field_of(name))
        found.append(Axis(name, title, codes.codes if codes else {}))
    found += [Axis("status", "办理状态", _STATUS), Axis("review", "复核", _REVIEW)]
    found += [Axis("satisfaction", "满意度"), Axis("model", "模型版本"), Axis("cause", "根因")]
    clocks = {
        clock.id: ClockName(
            clock.id, clock.name, clock.kind == "statutory", clock.extension, clock.basis
        )
        for clock in policy.pack.deadlines.clocks
    }
    flags = {flag.code: flag.name for flag in policy.pack.rules.flags}
    return Axes({axis.name: axis for axis in found}, clocks, flags)
