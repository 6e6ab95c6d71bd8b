"""What a replay found, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from data.taxonomy.schema import Taxonomy
from serving.policies.replay import Change, Replay
from serving.review.names import NAMES as REASONS
from serving.triage.policy import Policy, PolicySet
from serving.web.formats import when

FIELDS = {
    "urgency": "紧急程度",
    "lead": "主办",
    "assisting": "协办",
    "investigator": "调查",
    "copies": "抄送",
    "branch": "属地机构",
    "flags": "敏感标记",
    "review": "复核",
    "deadlines": "时限",
}
MOST_SHOWN = 200
_PARTIES = ("lead", "assisting", "investigator", "copies")
_CLOCK = "deadlines:"


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that differs, in words."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Tried:
    """A replay, in words: counts by field, moves as (field, from, to, count), complaints."""

    total: int
    changed: int
    failed: int
    fields: tuple[tuple[str, int], ...]
    moves: tuple[tuple[str, str, str, int], ...]
    complaints: tuple[tuple[str, tuple[Said, ...]], ...]


class Words:
    """Names for the codes of policies, the newest first: what one does not know, another may."""

    def __init__(self, taxonomy: Taxonomy, packs: Sequence[PolicySet]) -> None:
        found = [policy for pack in packs for policy in reversed(pack.policies)]
        self._taxonomy = taxonomy
        self._urgency = next((p.roles.urgency for p in found if p.roles.urgency), None)
        self._names: dict[tuple[str, str], str] = {}
        for policy in found:
            for kind, code, name in _named(policy):
                self._names.setdefault((kind, code), name)

    def field(self, name: str) -> str:
        """What differs."""
        if name.startswith(_CLOCK):
            clock = name.removeprefix(_CLOCK)
            return f"时限 · {self._names.get(('clock', clock), clock)}"
        return FIELDS.get(name, name)

    def value(self, name: str, value: str | None) -> str:
        """What it is."""
        if value is None:
            return "—"
        if name.startswith(_CLOCK):
            return when(datetime.fromisoformat(value))
        return "、".join(self._one(name, code) for code in value.split(", "))

    def _one(self, name: str, code: str) -> str:
        if name in _PARTIES:
            return self._names.get(("department", code), code)
        if name == "flags":
            return self._names.get(("flag", code), code)
        if name == "urgency" and self._urgency:
            label = self._taxonomy[self._urgency].by_code.get(code)
            return label.name if label else code
        if name == "review":
            return self._reason(code)
        return code

    def _reason(self, code: str) -> str:
        kind, _, about = code.partition(":")
        title = self._taxonomy[about].title if about in self._taxonomy else about
        return f"{REASONS.get(kind, kind)} · {title}" if about else REASONS.get(kind, kind)


def told(found: Replay, words: Words) -> Tried:
    """A replay in words; of many changed complaints the first ones."""
    moves = (
        (FIELDS.get(name, name), *(words.value(name, _code(c)) for c in move.split(" → ")), count)
        for name, counts in found.moves.items()
        for move, count in counts.items()
    )
    shown = found.changed[:MOST_SHOWN]
    return Tried(
        found.total,
        len(found.changed),
        len(found.failed),
        tuple((words.field(n), c) for n, c in found.fields.items() if not n.startswith(_CLOCK)),
        tuple(moves),  # type: ignore[arg-type]
        tuple((one.complaint_id, tuple(_said(one.changes, words))) for one in shown),
    )


def _code(code: str) -> str | None:
    return None if code == "—" else code


def _said(changes: Sequence[Change], words: Words) -> Iterator[Said]:
    for one in changes:
        before, after = words.value(one.field, one.before), words.value(one.field, one.after)
        yield Said(words.field(one.field), before, after)


def _named(policy: Policy) -> Iterator[tuple[str, str, str]]:
    for department in policy.pack.departments.departments:
        yield "department", department.code, department.name
    for flag in policy.pack.rules.flags:
        yield "flag", flag.code, flag.name
    for clock in policy.pack.deadlines.clocks:
        yield "clock", clock.id, clock.name
