"""No change without the session's token, and none that another site began."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from fastapi import Request

from serving.security.gate import ForbiddenError
from serving.security.roles import READING
from serving.web.auth import session_of

HEADER = "x-csrf-token"
FIELD = "csrf_token"
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class CsrfError(ForbiddenError):
    """A change that did not come from our own page. HTTP 403."""

    code = "csrf"


async def check_csrf(request: Request) -> None:
    """Dependency of every page. Raises CsrfError for a change without the session's token.

    Where nobody is signed in there is no token to know; what such a visitor may do (sign in)
    checks its own.
    """
    if request.method in READING:
        return
    check_origin(request)
    session = session_of(request)
    if session is not None and not same(await given(request), session.csrf):
        raise CsrfError("the form is not from this session; load the page again")


def check_origin(request: Request) -> None:
    """Raise CsrfError for a request that another site began, as far as the browser says."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        ours = site in ("same-origin", "none")
    else:
        # Old browsers, and any over plain HTTP.
        ours = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not ours:
        raise CsrfError("the request came from another site")


async def given(request: Request) -> str:
    """The token in the header (htmx) or the form; empty where there is none."""
    header = request.headers.get(HEADER)
    if header is not None:
        return header
    if request.headers.get("content-type", "").startswith(_FORMS):
        value = (await request.form()).get(FIELD)
        return value if isinstance(value, str) else ""
    return ""


def same(one: str, other: str) -> bool:
    """Whether two tokens are the same, in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
