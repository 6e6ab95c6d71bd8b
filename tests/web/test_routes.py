"""Every page there is, found in the route table: who may not, may not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from serving.api.app import create_app
from serving.security.roles import READING, ROLES, Role, User
from serving.settings import Settings
from serving.web.auth import RoleRequired, SignedIn, Visitors, signed_in
from serving.web.csrf import check_csrf
from serving.web.pages import ROUTERS
from serving.web.signin import check_form
from tests.web import kit


def routes() -> list[APIRoute]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def calls(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from calls(inner)


def roles_of(route: APIRoute) -> list[RoleRequired]:
    return [call for call in calls(route.dependant) if isinstance(call, RoleRequired)]


def path_of(route: APIRoute) -> str:
    return "/".join("x" if part.startswith("{") else part for part in route.path.split("/"))


CHANGES = [
    pytest.param(method, route, id=f"{method} {route.path}")
    for route in routes()
    for method in sorted((route.methods or set()) - READING)
]
GATED = [
    pytest.param(method, route, id=f"{method} {route.path}")
    for route in routes()
    for method in sorted(route.methods or set())
    if roles_of(route)
]
PAGES = [
    pytest.param(route, id=route.path)
    for route in routes()
    if "GET" in (route.methods or set()) and "{" not in route.path
]


@pytest.fixture(scope="module")
def browsers(web: TestClient) -> dict[Role, kit.Browser]:
    return {role: kit.signed_in(web, role) for role in ROLES}


def user(role: Role) -> User:
    return User("id", role, role, role)


def test_every_page_of_the_application_is_in_the_list() -> None:
    def walk(found: object) -> Iterator[str]:
        for route in found:  # type: ignore[attr-defined]
            inner = getattr(route, "routes", None) or getattr(
                getattr(route, "original_router", None), "routes", None
            )
            if inner is not None:
                yield from walk(inner)
            else:
                yield route.path

    paths = {path for path in walk(create_app(Settings()).routes) if path.startswith("/ui")}
    assert paths == {route.path for route in routes() if route.path.startswith("/ui")}
    assert len(paths) > 10


@pytest.mark.parametrize("route", routes(), ids=lambda route: f"{route.methods} {route.path}")
def test_every_page_says_who_may(route: APIRoute) -> None:
    said = [c for c in calls(route.dependant) if isinstance(c, (RoleRequired, SignedIn, Visitors))]
    assert said or signed_in in calls(route.dependant)
    if (route.methods or set()) - READING:
        assert {check_csrf, check_form} & set(calls(route.dependant))
        assert not isinstance(said[0], Visitors) if said and route.path != "/ui/signin" else True
    assert not route.include_in_schema


@pytest.mark.parametrize(("method", "route"), CHANGES)
def test_no_change_without_the_token(
    browsers: dict[Role, kit.Browser], method: str, route: APIRoute
) -> None:
    for role in ROLES:
        for headers in ({}, {"X-CSRF-Token": "guessed"}):
            answer = browsers[role].client.request(method, path_of(route), headers=headers)
            assert answer.status_code == 403, role
            assert "页面已过期" in answer.text


@pytest.mark.parametrize(("method", "route"), CHANGES)
def test_no_change_that_another_site_began(
    browsers: dict[Role, kit.Browser], method: str, route: APIRoute
) -> None:
    admin = browsers["admin"]
    for elsewhere in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        headers = {"X-CSRF-Token": admin.csrf, **elsewhere}
        answer = admin.client.request(method, path_of(route), headers=headers)
        assert answer.status_code == 403
        assert "页面已过期" in answer.text


@pytest.mark.parametrize(("method", "route"), GATED)
def test_nobody_is_sent_to_the_sign_in(web: TestClient, method: str, route: APIRoute) -> None:
    answer = kit.visitor(web).client.request(method, path_of(route))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/ui/signin")
    asked = kit.visitor(web).client.request(method, path_of(route), headers={"HX-Request": "true"})
    assert asked.headers["hx-redirect"].startswith("/ui/signin")
    assert asked.text == ""


@pytest.mark.parametrize(("method", "route"), GATED)
def test_a_role_too_low_is_refused(
    browsers: dict[Role, kit.Browser], method: str, route: APIRoute
) -> None:
    (gate,) = roles_of(route)
    refused = 0
    for role in ROLES:
        reading = method in READING and gate.auditor
        may = user(role).may_see(gate.role) if reading else user(role).at_least(gate.role)
        if may:
            continue
        refused += 1
        headers = {"X-CSRF-Token": browsers[role].csrf}
        answer = browsers[role].client.request(method, path_of(route), headers=headers)
        assert answer.status_code == 403, role
        assert "没有权限" in answer.text
    assert refused or gate.role == "reviewer"


@pytest.mark.parametrize(("method", "route"), [p for p in GATED if p.values[0] not in READING])
def test_an_auditor_changes_nothing(
    browsers: dict[Role, kit.Browser], method: str, route: APIRoute
) -> None:
    headers = {"X-CSRF-Token": browsers["auditor"].csrf}
    answer = browsers["auditor"].client.request(method, path_of(route), headers=headers)
    assert answer.status_code == 403
    assert "没有权限" in answer.text


@pytest.mark.parametrize("route", PAGES)
def test_every_page_answers_those_who_may_see_it(
    browsers: dict[Role, kit.Browser], route: APIRoute
) -> None:
    gates = roles_of(route)
    for role in ROLES:
        if gates and not user(role).may_see(gates[0].role):
            continue
        answer = browsers[role].get(route.path)
        # Without what a download or a callback needs, it says so.
        assert answer.status_code in (200, 303, 307, 404, 422), role
