"""/ui/oidc: in through the bank's own sign-in, with the role its groups give."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from data.errors import ConflictError, InputError, MissingExtraError, NotFoundError
from serving.api.admin_keys import SessionsDep, in_session
from serving.security.roles import Role
from serving.settings import Settings
from serving.store import audit, flows, users
from serving.store.rows.web import UserRow
from serving.store.users import Person
from serving.web.auth import Visitors
from serving.web.csrf import same
from serving.web.entrance import Admission, admitted
from serving.web.errors import PageError
from serving.web.frame import is_secure
from serving.web.paths import safe_next
from serving.web.signin import welcome
from serving.web.visits import LifetimeDep, now, visit_of

if TYPE_CHECKING:
    from serving.web.provider import Identity, Provider

_COOKIE = "suda_oidc"
_ACTOR = "oidc"
_NOT_LOGIN = re.compile(r"[^a-z0-9._@-]+")

router = APIRouter(prefix="/ui/oidc", include_in_schema=False)


def provider_of(settings: Settings) -> Provider | None:
    """The provider that is set, or None. Raises InputError or MissingExtraError."""
    if settings.oidc_issuer is None:
        return None
    if not settings.oidc_client_id:
        raise InputError("is needed with SUDA_OIDC_ISSUER", field="SUDA_OIDC_CLIENT_ID")
    for role in settings.oidc_roles.values():
        users.role_of(role)
    try:
        from serving.web.provider import Provider
    except ImportError as error:
        raise MissingExtraError(
            "signing in through the bank's own provider needs the extra `oidc`", field="suda[oidc]"
        ) from error
    return Provider(settings)


def get_provider(request: Request) -> Provider:
    """The application's provider. Raises NotFoundError where none is set."""
    found: Provider | None = request.app.state.web_oidc
    if found is None:
        raise NotFoundError("no provider is set")
    return found


@router.get("/start", dependencies=[Depends(Visitors())])
async def start(
    request: Request, makers: SessionsDep, wanted: Annotated[str, Query(alias="next")] = ""
) -> Response:
    """To the provider."""
    provider = get_provider(request)
    token, flow = await in_session(makers, lambda s: flows.begin(s, safe_next(wanted), now()))
    response = Response(
        status_code=303, headers={"Location": await provider.where(flow, _callback(request))}
    )
    response.set_cookie(
        _COOKIE, token, max_age=int(flows.LIFETIME.total_seconds()), path="/", httponly=True,
        samesite="lax", secure=is_secure(request),
    )  # fmt: skip
    return response


@router.get("/callback", dependencies=[Depends(Visitors())])
async def callback(
    request: Request,
    makers: SessionsDep,
    lifetime: LifetimeDep,
    code: Annotated[str, Query(max_length=4096)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Back from the provider: in, or why not."""
    provider, token = get_provider(request), request.cookies.get(_COOKIE, "")
    flow = await in_session(makers, lambda s: flows.take(s, token, now()))
    if flow is None or not same(flow.state, state) or not code:
        raise PageError("登录已过期或被取消，请重新登录", status=403)
    identity = await provider.identity(code, flow, _callback(request))
    settings: Settings = request.app.state.suda.settings
    role = role_in(identity, settings)

    def write(session: Session) -> Admission | None:
        row = _row(session, identity, role)
        visit = visit_of(request, "oidc")
        if row is None or row.disabled_at is not None:
            details = {"address": visit.address, "via": "oidc"}
            subject = f"oidc:{external_of(identity)}"
            audit.record(session, _ACTOR, "signin.failed", subject, details, now=now())
            return None
        return admitted(session, row, visit, lifetime, now())

    try:
        admission = await in_session(makers, write)
    except (ConflictError, InputError) as error:
        raise PageError("您的账号与本系统已有账号冲突，请联系管理员", status=403) from error
    if admission is None:
        raise PageError("您没有使用本系统的权限，如确有需要请联系管理员", status=403)
    response = welcome(request, admission, lifetime, flow.next)
    response.delete_cookie(_COOKIE, path="/")
    return response


def role_in(identity: Identity, settings: Settings) -> Role | None:
    """The role of the first group of SUDA_OIDC_ROLES that the identity is in."""
    groups = set(identity.groups(settings.oidc_roles_claim))
    for group, role in settings.oidc_roles.items():
        if group in groups:
            return users.role_of(role)
    return None


def external_of(identity: Identity) -> str:
    """How the store knows an identity; issuer and subject together are unique (§5.7)."""
    return hashlib.sha256(f"{identity.issuer}\n{identity.subject}".encode()).hexdigest()


def _row(session: Session, identity: Identity, role: Role | None) -> UserRow | None:
    """The user of an identity, new or with the role the provider says now; None without a role.

    Raises ConflictError where the login belongs to somebody with a password: a name that the
    provider gives out must not open somebody else's account.
    """
    if role is None:
        return None
    row = users.by_external(session, external_of(identity))
    if row is None:
        login = _NOT_LOGIN.sub("-", identity.login).strip("-.@_")[:64]
        person = Person(login, identity.name[:64], role)
        made = users.add(session, person, None, _ACTOR, now(), external=external_of(identity))
        return users.row_of(session, made.id)
    if row.role != role:
        person = Person(row.login, row.name, role, row.branch, row.department)
        users.change(session, row.id, person, _ACTOR, now(), keep_admin=False)
    return row


def _callback(request: Request) -> str:
    return f"{request.base_url}ui/oidc/callback"
