"""People who sign in and what their role lets them do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from serving.security.gate import ForbiddenError

Role = Literal["reviewer", "lead", "admin", "auditor"]
"""复核员 reviews; 组长 (lead) also decides disagreements and sees the whole; 管理员 (admin) also
rules users, policies and models; 审计 (auditor) reads everything and changes nothing."""

ROLES: tuple[Role, ...] = get_args(Role)

TITLES: dict[Role, str] = {
    "reviewer": "复核员",
    "lead": "组长",
    "admin": "管理员",
    "auditor": "审计",
}

# What each role includes of the others; an auditor stands beside them.
_RANK: dict[Role, int] = {"reviewer": 1, "lead": 2, "admin": 3, "auditor": 0}

READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody signed in. `branch` and `department` (codes) narrow what is theirs, where set."""

    id: str
    login: str
    name: str
    role: Role
    branch: str | None = None
    department: str | None = None
    must_change: bool = False

    @property
    def actor(self) -> str:
        """How the audit trail names them."""
        return f"user:{self.login}"

    @property
    def everywhere(self) -> bool:
        """Whether all complaints are theirs."""
        return self.branch is None and self.department is None

    @property
    def title(self) -> str:
        """The role in Chinese."""
        return TITLES[self.role]

    def at_least(self, role: Role) -> bool:
        """Whether they may do what `role` does. An auditor is no more than an auditor."""
        return self.role == role or (role != "auditor" and _RANK[self.role] > _RANK[role])

    def may_see(self, role: Role) -> bool:
        """Whether they may read what `role` reads: an auditor reads everything."""
        return self.role == "auditor" or self.at_least(role)


def check_role(user: User, role: Role, method: str, *, auditor: bool = True) -> None:
    """Raise ForbiddenError unless `user` may do, or by a reading `method` see, what `role` does."""
    allowed = user.may_see(role) if auditor and method in READING else user.at_least(role)
    if not allowed:
        raise ForbiddenError(f"this is for {TITLES[role]}")
