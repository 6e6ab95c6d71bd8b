from __future__ import annotations

import pytest

from serving.security.gate import ForbiddenError
from serving.security.roles import ROLES, Role, User, check_role

DOES: dict[Role, set[Role]] = {
    "reviewer": {"reviewer"},
    "lead": {"reviewer", "lead"},
    "admin": {"reviewer", "lead", "admin"},
    "auditor": {"auditor"},
}


def user(role: Role) -> User:
    return User("id", "zhang", "张伟", role)


@pytest.mark.parametrize("role", ROLES)
def test_what_each_role_does(role: Role) -> None:
    assert {other for other in ROLES if user(role).at_least(other)} == DOES[role]


@pytest.mark.parametrize("role", ROLES)
def test_an_auditor_reads_what_everybody_reads_and_changes_nothing(role: Role) -> None:
    check_role(user("auditor"), role, "GET")
    if role != "auditor":
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            with pytest.raises(ForbiddenError):
                check_role(user("auditor"), role, method)
        with pytest.raises(ForbiddenError):
            check_role(user("auditor"), role, "GET", auditor=False)


def test_a_reviewer_does_not_read_what_is_for_leads() -> None:
    with pytest.raises(ForbiddenError):
        check_role(user("reviewer"), "lead", "GET")


def test_the_audit_trail_names_the_login() -> None:
    assert user("lead").actor == "user:zhang"
    assert user("lead").title == "组长"
