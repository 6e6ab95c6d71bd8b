"""What the page of a complaint calls things: kinds of moments, fields of events, what changes."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import yaml

from data.taxonomy.schema import Taxonomy
from serving.cases.changes import Change
from serving.cases.machine import machine
from serving.review import names, skipping
from serving.review.desk import Desk
from serving.triage.policy import Policy
from serving.web.formats import when

_TABLE = Path(__file__).with_suffix(".yaml")
# Fields of events that say nothing to people.
_INNER: Final = frozenset({"item", "message", "decision", "round", "statutory"})


@functools.cache
def table() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Names and colours by kind and code, read once."""
    found: dict[str, dict[str, list[str]]] = yaml.safe_load(_TABLE.read_text(encoding="utf-8"))
    return {
        kind: {code: tuple(said) for code, said in codes.items()} for kind, codes in found.items()
    }


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
        return table()[kind].get(str(code), (str(code),))[0]

    def tone(self, kind: str, code: Any) -> str:
        """The colour of its badge."""
        return (*table()[kind].get(str(code), ("", "grey")), "grey")[1]

    def event(self, kind: str) -> str:
        """An event's kind."""
        known = machine().kinds.get(kind)
        return known.name if known else kind

    def action(self, action: str) -> str:
        """What the audit trail says was done."""
        known = machine().kinds.get(action.removeprefix("case."))
        return known.name if known else self.of("action", action)

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
        return known[code].name if code and code in known else code or "—"

    def rule(self, rule_id: str) -> str:
        """A rule's name."""
        return next(
            (rule.name for rule in self.policy.pack.rules.rules if rule.id == rule_id), rule_id
        )

    def reason(self, code: str) -> str:
        """Why a person must look."""
        return names.reason(code, self.desk)

    def reasons(self, codes: Sequence[str]) -> str:
        """Why a person must look, all of it."""
        return "、".join(dict.fromkeys(self.reason(code) for code in codes))

    def heads(self, names: Sequence[str]) -> str:
        """Heads' titles."""
        return "、".join(self.head(name) for name in names)

    @staticmethod
    def time(written: str) -> datetime:
        """A time as the audit trail writes it."""
        return datetime.fromisoformat(written)

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
        return self.of(key, value) if key in table() else str(value)
