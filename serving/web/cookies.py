"""The cookie that holds a session's token."""

from __future__ import annotations

from fastapi import Request, Response

from serving.web.frame import is_secure

# A name that begins so is only taken over TLS, for this host alone.
_SECURE_NAME, _PLAIN_NAME = "__Host-suda_session", "suda_session"


def session_token(request: Request) -> str | None:
    """The token the browser sent."""
    return request.cookies.get(_name(request))


def set_session(request: Request, response: Response, token: str, seconds: int) -> None:
    """Give the browser a token; out of reach of scripts, and not sent along by other sites.

    Not `strict`: who comes back from the bank's own sign-in would seem to be nobody.
    """
    response.set_cookie(
        _name(request), token, max_age=seconds, path="/", httponly=True, samesite="lax",
        secure=is_secure(request),
    )  # fmt: skip


def clear_session(request: Request, response: Response) -> None:
    """Take the token away."""
    response.delete_cookie(
        _name(request), path="/", httponly=True, samesite="lax", secure=is_secure(request)
    )


def _name(request: Request) -> str:
    return _SECURE_NAME if is_secure(request) else _PLAIN_NAME
