"""Who is signed in, as dependencies of pages: `Reviewer`, `Lead`, `Admin`, `Anyone`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from data.errors import SudaError
from serving.security.roles import Role, User, check_role
from serving.store.sessions import WebSession


class SignInNeededError(SudaError):
    """Nobody is signed in, or no more. Pages lead to the sign-in. HTTP 401."""

    code = "sign_in_needed"
    status = 401


class PasswordChangeError(SudaError):
    """A password somebody else set must be changed before anything else. HTTP 403."""

    code = "password_change_needed"
    status = 403


def session_of(request: Request) -> WebSession | None:
    """The session the request came with; None for a visitor."""
    found: WebSession | None = getattr(request.state, "web_session", None)
    return found


def signed_in(request: Request) -> WebSession:
    """The session the request came with. Raises SignInNeededError."""
    session = session_of(request)
    if session is None:
        raise SignInNeededError("nobody is signed in")
    return session


class RoleRequired:
    """A page's dependency: the user has this role or one that includes it.

    An auditor may read what any role reads, unless `auditor` is false, and changes nothing.
    """

    def __init__(self, role: Role, *, auditor: bool = True) -> None:
        self.role = role
        self.auditor = auditor

    async def __call__(self, request: Request) -> User:
        """The user. Raises SignInNeededError, PasswordChangeError or ForbiddenError."""
        user = signed_in(request).user
        if user.must_change:
            raise PasswordChangeError("the password must be changed first")
        check_role(user, self.role, request.method, auditor=self.auditor)
        return user


class SignedIn:
    """A dependency of pages about the user's own account: any role."""

    def __init__(self, *, even_must_change: bool = False) -> None:
        self.even_must_change = even_must_change

    async def __call__(self, request: Request) -> User:
        """The user. Raises SignInNeededError or PasswordChangeError."""
        user = signed_in(request).user
        if user.must_change and not self.even_must_change:
            raise PasswordChangeError("the password must be changed first")
        return user


class Visitors:
    """A dependency that says: this is for everybody, signed in or not."""

    async def __call__(self) -> None:
        """Nothing is asked."""


Reviewer = Annotated[User, Depends(RoleRequired("reviewer"))]
Lead = Annotated[User, Depends(RoleRequired("lead"))]
Admin = Annotated[User, Depends(RoleRequired("admin"))]
Anyone = Annotated[User, Depends(SignedIn())]
Self = Annotated[User, Depends(SignedIn(even_must_change=True))]
CurrentSession = Annotated[WebSession, Depends(signed_in)]
