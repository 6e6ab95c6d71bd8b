"""Refusals as exceptions: one class for each status that a caller treats in its own way."""

from __future__ import annotations

import httpx
from pydantic import ValidationError

from suda_client.models import Problem


class SudaError(Exception):
    """Base of all errors of this client."""


class UnreachableError(SudaError):
    """No answer came, however often it was tried; whether the request was done is not known.

    Repeat it with the same idempotency key or external id: a finished one is answered again.
    """


class UnexpectedAnswerError(SudaError):
    """A success that is not Suda's: something stands between, or the service is much older."""


class RefusedError(SudaError):
    """The service answered with a problem document. `retry_after` is in seconds."""

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        super().__init__(f"{problem.status} {problem.code}: {problem.detail}")
        self.problem = problem
        self.retry_after = retry_after


class InvalidError(RefusedError):
    """A field is wrong; `problem.errors` names it. HTTP 400, 413, 422."""


class UnauthorizedError(RefusedError):
    """The key is missing, unknown, expired or revoked. HTTP 401."""


class ForbiddenError(RefusedError):
    """The key lacks the scope. HTTP 403."""


class NotFoundError(RefusedError):
    """There is no such thing. HTTP 404."""


class ConflictError(RefusedError):
    """The key or id was used with another content; a repeat will not help. HTTP 409."""


class OverloadedError(RefusedError):
    """More than can be begun in time; nothing was done. HTTP 429."""


class NotReadyError(RefusedError):
    """Starting, stopping, or the database is away; nothing was stored. HTTP 503."""


class DeadlineError(RefusedError):
    """The deadline passed; ask again with the same key. HTTP 504."""


_CLASSES: dict[int, type[RefusedError]] = {
    400: InvalidError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    413: InvalidError,
    422: InvalidError,
    429: OverloadedError,
    503: NotReadyError,
    504: DeadlineError,
}


def error_of(response: httpx.Response) -> RefusedError:
    """The exception for a response that is not a success."""
    kind = _CLASSES.get(response.status_code, RefusedError)
    return kind(problem_of(response), retry_after(response))


def problem_of(response: httpx.Response) -> Problem:
    """The problem document, or one made of the status where a proxy answered in its own way."""
    try:
        return Problem.model_validate_json(response.content)
    except ValidationError:
        return Problem(
            status=response.status_code,
            code=f"http_{response.status_code}",
            detail=response.reason_phrase,
        )


def retry_after(response: httpx.Response) -> float | None:
    """Seconds of `Retry-After`, where it is a number of them."""
    given = response.headers.get("Retry-After", "")
    return float(given) if given.isdigit() else None
