"""Codes as people read them: names, tree paths, departments, how urgent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from data.taxonomy.schema import Head, Taxonomy
from serving.triage.policy import Policy
from serving.triage.schema import Roles

Part = Literal["product", "reason", "urgency"]

# What each level of an ordinal head looks like, from the most severe on; always beside its name.
_TONES = ("red", "orange", "amber", "grey")


@dataclass(frozen=True)
class Labels:
    """Names for a taxonomy's codes and a policy's departments; an unknown code is its own name."""

    taxonomy: Taxonomy
    policy: Policy

    @property
    def roles(self) -> Roles:
        """Which head plays which part; any of them may be None."""
        return self.policy.roles

    def head(self, part: Part) -> Head | None:
        """The head of a part; None where the taxonomy has none."""
        name = getattr(self.roles, part)
        return self.taxonomy[name] if name else None

    def name(self, head: str | None, code: str | None) -> str:
        """The name of a code of a head."""
        if head is None or code is None:
            return code or "—"
        label = self.taxonomy[head].by_code.get(code)
        return label.name if label else code

    def path(self, head: str | None, code: str | None) -> str:
        """Names from the root down: 借记卡 / 转账汇款."""
        if head is None or code is None or code not in self.taxonomy[head].by_code:
            return code or "—"
        found = self.taxonomy[head]
        return " / ".join(found.by_code[step].name for step in found.path(code))

    def of(self, part: Part, code: str | None) -> str:
        """The name of a code of the head that plays a part."""
        return self.name(getattr(self.roles, part), code)

    def path_of(self, part: Part, code: str | None) -> str:
        """The path of a code of the head that plays a part."""
        return self.path(getattr(self.roles, part), code)

    def tone(self, code: str | None) -> str:
        """The colour of an urgency: red, orange, amber or grey."""
        head = self.head("urgency")
        if head is None or code is None or code not in head.leaf_index:
            return "grey"
        # The mildest level is grey however few there are.
        last = len(head.leaves) - 1
        rank = head.rank(code)
        return _TONES[-1] if rank == last else _TONES[min(rank, len(_TONES) - 2)]

    def department(self, code: str | None) -> str:
        """The name of a department."""
        for department in self.policy.pack.departments.departments:
            if department.code == code:
                return department.name
        return code or "—"

    def field(self, name: str, code: str | None) -> str:
        """The name of a code of a closed list, such as channel."""
        codes = self.taxonomy.fields.get(name)
        return codes.codes.get(code, code) if codes and code else code or "—"
