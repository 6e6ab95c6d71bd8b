"""RFC 9457 problem documents: every error names its field and what it should be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from data.errors import InputError, SudaError, TooLargeError, kind_of
from serving.store.faults import translated

MEDIA_TYPE = "application/problem+json"
_TITLES = {
    400: "Malformed request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    422: "Invalid input",
    429: "Too many requests",
    500: "Internal error",
    503: "Not ready",
    504: "Deadline passed",
}


def problem(
    status: int, code: str, detail: str, errors: Sequence[dict[str, str]] = ()
) -> dict[str, Any]:
    """The document itself, as a plain object."""
    document: dict[str, Any] = {
        "type": f"urn:suda:problem:{code}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if errors:
        document["errors"] = list(errors)
    return document


def respond(document: dict[str, Any], headers: dict[str, str] | None = None) -> JSONResponse:
    """A problem document as a response."""
    return JSONResponse(
        document, status_code=document["status"], media_type=MEDIA_TYPE, headers=headers
    )


def of_error(error: SudaError) -> dict[str, Any]:
    """A problem document for one of our own errors."""
    errors = [{"field": error.field, "message": error.message}] if error.field else []
    return problem(error.status, error.code, str(error), errors)


def headers_of(error: SudaError) -> dict[str, str]:
    """`Retry-After` in whole seconds, where asking again makes sense."""
    if error.retry_after is None:
        return {}
    return {"Retry-After": str(max(1, math.ceil(error.retry_after)))}


def of_any(error: Exception) -> dict[str, Any]:
    """A problem document for any failure; without the words of errors that are not ours."""
    if isinstance(error, SQLAlchemyError):
        error = translated(error)
    if isinstance(error, SudaError):
        return of_error(error)
    # They may quote the customer.
    return problem(500, "internal", "an internal error; the request changed nothing")


def answer_of(error: SudaError | SQLAlchemyError) -> JSONResponse:
    """The response to a failure of ours, or of the database."""
    ours = translated(error) if isinstance(error, SQLAlchemyError) else error
    return respond(of_any(ours), headers_of(ours) if isinstance(ours, SudaError) else None)


def of_validation(errors: Sequence[Any]) -> dict[str, Any]:
    """A problem document for pydantic's errors: the field, what came, what was expected."""
    listed = [_field_error(error) for error in errors]
    if any(error["type"] == "json_invalid" for error in errors):
        return problem(400, "malformed_json", "the body is not valid JSON", listed)
    detail = "; ".join(f"{item['field']}: {item['message']}" for item in listed[:3])
    return problem(422, InputError.code, detail, listed)


def of_item(error: ValidationError) -> dict[str, Any]:
    """A problem document for one item of a batch."""
    return of_validation(error.errors(include_url=False, include_context=False))


def _field_error(error: Any) -> dict[str, str]:
    location = [str(part) for part in error["loc"] if part != "body"]
    if error["type"] == "json_invalid":
        location = ["body"]
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] not in ("missing", "json_invalid"):
        message = f"{message}, got {kind_of(error.get('input'))}"
    return {"field": ".".join(location) or "body", "message": message}


def install(app: FastAPI) -> None:
    """One handler per family of errors; all answer with problem documents."""

    @app.exception_handler(SudaError)
    async def suda(_: Request, error: SudaError) -> JSONResponse:
        return answer_of(error)

    @app.exception_handler(SQLAlchemyError)
    async def store(_: Request, error: SQLAlchemyError) -> JSONResponse:
        return answer_of(error)

    @app.exception_handler(RequestValidationError)
    async def validation(_: Request, error: RequestValidationError) -> JSONResponse:
        return respond(of_validation(error.errors()))

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        code = _TITLES.get(error.status_code, "error").lower().replace(" ", "_")
        detail = str(error.detail)
        if error.status_code == 400:
            code, detail = "malformed_json", "the body is not UTF-8 encoded JSON"
            errors = [{"field": "body", "message": "expected JSON encoded in UTF-8"}]
            return respond(problem(400, code, detail, errors))
        if error.status_code == 413:
            return respond(of_error(TooLargeError(detail, field="body")))
        headers = dict(error.headers) if error.headers else None
        return respond(problem(error.status_code, code, detail), headers)

    @app.exception_handler(Exception)
    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        return respond(of_any(error))
