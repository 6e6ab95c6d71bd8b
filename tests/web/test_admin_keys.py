"""API keys made, rotated and revoked in the browser."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete

from serving.intake import now
from serving.store import keys
from serving.store.tables import ApiKeyRow
from tests.web import kit

LIST = "/ui/admin/keys"


@pytest.fixture
def admin(web: TestClient) -> kit.Browser:
    kit.reset(web)
    with kit.application(web).state.sessions.begin() as session:
        session.execute(delete(ApiKeyRow))
    return kit.signed_in(web, "admin")


def create(admin: kit.Browser, *scopes: str, **form: str) -> Any:
    data = {"csrf_token": admin.csrf, "name": "柜面系统", "scopes": list(scopes), **form}
    return admin.client.post(LIST, data=data)


def token_in(text: str) -> str:
    found = re.search(r'id="secret">(suda_[^<]+)<', text)
    assert found is not None
    return found[1]


def status(web: TestClient, token: str, path: str = "/v1/taxonomy") -> int:
    return int(web.get(path, headers={"Authorization": f"Bearer {token}"}).status_code)


def test_made_used_rotated_revoked(web: TestClient, admin: kit.Browser) -> None:
    token = token_in(create(admin, "intake", "review").text)
    assert status(web, token) == 200
    assert status(web, token, "/v1/audit") == 403
    listed = admin.get(LIST).text
    assert token not in listed
    assert "柜面系统" in listed
    key_id = token.split("_")[1]
    following = token_in(admin.post(f"{LIST}/{key_id}/rotate", overlap_days="1").text)
    assert [status(web, one) for one in (token, following)] == [200, 200]
    assert "已由" in admin.get(LIST).text
    assert admin.post(f"{LIST}/{key_id}/revoke", why=" ").status_code == 422
    admin.post(f"{LIST}/{key_id}/revoke", why="更换完成")
    assert [status(web, one) for one in (token, following)] == [401, 200]
    assert admin.post(f"{LIST}/{key_id}/rotate").status_code == 409
    assert "已停用" in admin.get(LIST).text
    actions = [a for _, a, _ in kit.recorded(web, "key.created", "key.rotated", "key.revoked")]
    assert actions == ["key.created", "key.rotated", "key.revoked"]


@pytest.mark.parametrize(
    ("form", "scopes", "said"),
    [
        ({"name": " "}, ["intake"], "名称应为"),
        ({"name": "x" * 65}, ["intake"], "名称应为"),
        ({}, [], "请至少选择一项权限"),
        ({}, ["root"], "请至少选择一项权限"),
        ({"expires": "2020-01-01"}, ["intake"], "今天以后"),
        ({"expires": "soon"}, ["intake"], "今天以后"),
        ({"rate": "0"}, ["intake"], "正整数"),
        ({"rate": "-1"}, ["intake"], "正整数"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(
    web: TestClient, admin: kit.Browser, form: dict[str, str], scopes: list[str], said: str
) -> None:
    answer = create(admin, *scopes, **form)
    assert answer.status_code == 422
    assert said in answer.text
    assert kit.recorded(web, "key.created") == []


def test_expiry_and_rate_are_kept(web: TestClient, admin: kit.Browser) -> None:
    soon = (now() + timedelta(days=3)).date().isoformat()
    create(admin, "audit", expires=soon, rate="120")
    with kit.application(web).state.sessions() as session:
        (key,) = keys.listed(session)
    assert key.rate == 120
    assert key.expires_at is not None
    assert timedelta(days=2) < key.expires_at - now() < timedelta(days=5)
    assert "即将到期" in admin.get(LIST).text


def test_a_department_gets_a_key_of_its_own(web: TestClient, admin: kit.Browser) -> None:
    departments = kit.application(web).state.suda.intake.pipeline.policies.at(now()).router
    code, party = next(iter(departments.departments.items()))
    # What the form ticks by itself does not count beside a department.
    token = token_in(create(admin, "intake", department=code).text)
    assert status(web, token) == 200
    assert status(web, token, "/v1/complaints/x") == 403
    with kit.application(web).state.sessions() as session:
        (key,) = keys.listed(session)
    assert (key.department, key.scopes) == (code, frozenset())
    assert f"部门：{party.name}" in admin.get(LIST).text
    answer = create(admin, "intake", department="nowhere")
    assert answer.status_code == 422
    assert "规则包里没有这个部门" in answer.text


def test_unknown_keys_and_auditors(web: TestClient, admin: kit.Browser) -> None:
    create(admin, "intake")
    assert admin.post(f"{LIST}/none/rotate").status_code == 404
    assert admin.post(f"{LIST}/none/revoke", why="x").status_code == 404
    text = kit.signed_in(web, "auditor").get(LIST).text
    assert "柜面系统" in text
    assert "新建密钥" not in text
    assert 'data-open="revoke' not in text
