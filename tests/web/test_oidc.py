"""In through the bank's own sign-in, against a provider that answers in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

pytest.importorskip("joserfc", reason="needs the extra oidc")

from data.errors import InputError
from serving.api.app import create_app
from serving.settings import Settings
from serving.web.oidc import provider_of
from serving.web.provider import Provider
from tests.web import kit
from tests.web.provider_kit import CLIENT, ISSUER, SECRET, FakeProvider

ROLES = {"suda-zuzhang": "lead", "suda-fuhe": "reviewer", "suda-shenji": "auditor"}
SETTINGS: dict[str, Any] = {
    "oidc_issuer": ISSUER,
    "oidc_client_id": CLIENT,
    "oidc_client_secret": SECRET,
    "oidc_roles": ROLES,
    "oidc_roles_claim": "realm_access.roles",
}


def groups(*names: str) -> dict[str, Any]:
    return {"realm_access": {"roles": ["offline_access", *names]}}


@pytest.fixture(scope="module")
def web(mood_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    given = kit.settings(mood_bundle, tmp_path_factory.mktemp("oidc"), **SETTINGS)
    with kit.opened(given, create_app(given)) as client:
        yield client


@pytest.fixture
def fake(web: TestClient) -> FakeProvider:
    kit.reset(web)
    state = kit.application(web).state
    fake = FakeProvider(claims=groups("suda-fuhe"))
    state.web_oidc = Provider(state.suda.settings, transport=fake.transport)
    return fake


def start(browser: kit.Browser, wanted: str = "/ui/account") -> str:
    answer = browser.get(f"/ui/oidc/start?next={wanted}")
    assert answer.status_code == 303
    location: str = answer.headers["location"]
    return location


def sign_in(browser: kit.Browser, fake: FakeProvider, **bent: str) -> Any:
    code, asked = fake.authorise(start(browser))
    sent = {"code": code, "state": asked["state"], **bent}
    return browser.get(f"/ui/oidc/callback?code={sent['code']}&state={sent['state']}")


def test_in_with_the_role_of_the_group(web: TestClient, fake: FakeProvider) -> None:
    browser = kit.visitor(web)
    answer = sign_in(browser, fake)
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/account")
    text = browser.get("/ui/account").text
    assert "李玲" in text
    assert "复核员" in text
    assert "统一身份认证" in text
    assert "修改密码" not in text.replace("密码修改时间", "")
    recorded = kit.recorded(web, "user.added", "signin.succeeded")
    assert recorded == [
        ("oidc", "user.added", "user:liling"),
        ("user:liling", "signin.succeeded", "user:liling"),
    ]


def test_what_is_asked_of_the_provider(web: TestClient, fake: FakeProvider) -> None:
    _, asked = fake.authorise(start(kit.visitor(web)))
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == "http://testserver/ui/oidc/callback"
    assert asked["code_challenge_method"] == "S256"
    assert "openid" in asked["scope"]
    assert SECRET not in str(asked)


def test_the_same_person_again_is_the_same_user_with_the_role_of_today(
    web: TestClient, fake: FakeProvider
) -> None:
    first = kit.visitor(web)
    sign_in(first, fake)
    fake.claims = {**groups("suda-fuhe", "suda-zuzhang"), "preferred_username": "renamed"}
    second = kit.visitor(web)
    sign_in(second, fake)
    assert "组长" in second.get("/ui/account").text
    assert first.get("/ui/account").status_code == 303, "a new role ends the sessions"
    assert len(kit.recorded(web, "user.added")) == 1


@pytest.mark.parametrize("claims", [groups(), groups("other"), {}, {"realm_access": "x"}])
def test_without_a_group_nobody_is_let_in(
    web: TestClient, fake: FakeProvider, claims: dict[str, Any]
) -> None:
    fake.claims = claims
    answer = sign_in(kit.visitor(web), fake)
    assert answer.status_code == 403
    assert "没有使用本系统的权限" in answer.text
    assert len(kit.recorded(web, "signin.failed")) == 1


def test_a_user_disabled_here_stays_out(web: TestClient, fake: FakeProvider) -> None:
    sign_in(kit.visitor(web), fake)
    admin = kit.signed_in(web, "admin")
    text = admin.get("/ui/admin/users").text
    user_id = text.split(">李玲<")[0].rpartition("/")[2].rstrip('">')
    admin.post(f"/ui/admin/users/{user_id}/disable")
    assert sign_in(kit.visitor(web), fake).status_code == 403


def test_a_name_from_outside_does_not_open_an_account_with_a_password(
    web: TestClient, fake: FakeProvider
) -> None:
    kit.add(web, "liling", "admin", password=kit.PASSWORD)
    answer = sign_in(kit.visitor(web), fake)
    assert answer.status_code == 403
    assert "冲突" in answer.text


def test_an_account_without_a_password_takes_none(web: TestClient, fake: FakeProvider) -> None:
    sign_in(kit.visitor(web), fake)
    for password in ("", "None", kit.PASSWORD):
        assert kit.visitor(web).sign_in("liling", password).status_code == 401


BENT: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({"nonce": "another"}, {}),
    ({"nonce": None}, {}),
    ({"aud": "another-client"}, {}),
    ({"aud": [CLIENT, "other"], "azp": "other"}, {}),
    ({"iss": "https://evil.example"}, {}),
    ({"exp": 1_000_000_000}, {}),
    ({"exp": None}, {}),
    ({"sub": None}, {}),
    ({}, {"kid": "unknown"}),
)


@pytest.mark.parametrize(("claims", "header"), BENT)
def test_a_token_that_does_not_hold_lets_nobody_in(
    web: TestClient, fake: FakeProvider, claims: dict[str, Any], header: dict[str, Any]
) -> None:
    fake.claims, fake.header = {**groups("suda-fuhe"), **claims}, header
    browser = kit.visitor(web)
    answer = sign_in(browser, fake)
    assert answer.status_code == 401
    assert browser.get("/ui/account").status_code == 303


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_unsigned_and_self_signed_tokens_are_refused(
    web: TestClient, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    import base64
    import hashlib
    import hmac
    import json

    def forged(asked: dict[str, str]) -> str:
        real = fake_sign(asked)
        head = json.dumps({"alg": algorithm, "kid": fake.signing.kid}).encode()
        begin = base64.urlsafe_b64encode(head).rstrip(b"=").decode() + "." + real.split(".")[1]
        mac = hmac.new(SECRET.encode(), begin.encode(), hashlib.sha256).digest()
        end = base64.urlsafe_b64encode(mac).rstrip(b"=").decode() if algorithm != "none" else ""
        return f"{begin}.{end}"

    fake_sign = fake.sign
    monkeypatch.setattr(fake, "sign", forged)
    assert sign_in(kit.visitor(web), fake).status_code == 401


def test_a_token_signed_by_somebody_else_is_refused(web: TestClient, fake: FakeProvider) -> None:
    published = list(fake.published)
    fake.rotate()
    fake.published = published
    assert sign_in(kit.visitor(web), fake).status_code == 401


def test_a_key_changed_at_the_provider_is_read_anew(web: TestClient, fake: FakeProvider) -> None:
    sign_in(kit.visitor(web), fake)
    fake.rotate()
    assert sign_in(kit.visitor(web), fake).status_code == 303
    assert fake.asked.count("/keys") == 2


def test_the_way_back_needs_the_state_and_the_browser_that_began(
    web: TestClient, fake: FakeProvider
) -> None:
    victim, attacker = kit.visitor(web), kit.visitor(web)
    assert sign_in(victim, fake, state="guessed").status_code == 403
    code, asked = fake.authorise(start(attacker))
    link = f"/ui/oidc/callback?code={code}&state={asked['state']}"
    assert victim.get(link).status_code == 403
    assert attacker.get(link).status_code == 303
    assert attacker.get(link).status_code == 403, "a second time"


def test_a_refusal_of_the_provider_is_a_page(web: TestClient, fake: FakeProvider) -> None:
    assert sign_in(kit.visitor(web), fake, code="invented").status_code == 401
    browser = kit.visitor(web)
    _, asked = fake.authorise(start(browser))
    path = f"/ui/oidc/callback?error=access_denied&state={asked['state']}"
    assert browser.get(path).status_code == 403


def test_a_provider_that_is_away_is_said(web: TestClient, fake: FakeProvider) -> None:
    fake.down = True
    answer = kit.visitor(web).get("/ui/oidc/start")
    assert answer.status_code == 503
    assert "系统暂不可用" in answer.text


def test_a_provider_that_names_another_issuer_is_not_trusted(
    web: TestClient, fake: FakeProvider
) -> None:
    fake.issuer = "https://evil.example"
    assert kit.visitor(web).get("/ui/oidc/start").status_code == 401


def test_the_form_offers_it_where_it_is_set(web: TestClient) -> None:
    assert "统一身份认证登录" in kit.visitor(web).get("/ui/signin").text


def test_settings_that_cannot_work_are_refused_at_the_start() -> None:
    assert provider_of(Settings()) is None
    with pytest.raises(InputError, match="SUDA_OIDC_CLIENT_ID"):
        provider_of(Settings(oidc_issuer=ISSUER))
    wrong = {"oidc_issuer": ISSUER, "oidc_client_id": CLIENT, "oidc_roles": {"x": "root"}}
    with pytest.raises(InputError, match="unknown role"):
        provider_of(Settings(**wrong))  # type: ignore[arg-type]
