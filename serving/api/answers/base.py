"""How answers are declared: models of documentation, and the headers that come with them."""

from __future__ import annotations

from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field

Responses = dict[int | str, dict[str, Any]]

Share = Annotated[float, Field(ge=0, le=1)]
Whole = Annotated[int, Field(ge=0)]

TIMING = "Server-Timing"
REPLAYED = "Idempotency-Replayed"


class Answer(BaseModel):
    """Base of everything that is answered. Readers must allow for fields they do not know yet."""

    model_config = ConfigDict(protected_namespaces=())


class FieldError(Answer):
    """What was wrong with one field."""

    field: str = Field(description="Its name, inner ones after a dot: `items.3.text`.")
    message: str = Field(description="What was expected, and of what kind that was which came.")


class Problem(Answer):
    """A problem document (RFC 9457), with the media type application/problem+json."""

    model_config = ConfigDict(
        protected_namespaces=(),
        json_schema_extra={
            "example": {
                "type": "urn:suda:problem:invalid_input",
                "title": "Invalid input",
                "status": 422,
                "code": "invalid_input",
                "detail": "text: expected text, it is empty",
                "errors": [{"field": "text", "message": "expected text, it is empty"}],
            }
        },
    )

    type: str = Field(description="`urn:suda:problem:` and the code.")
    title: str = Field(description="What the status means, in short.")
    status: int = Field(ge=400, le=599, description="That of the answer; of an item, its own.")
    code: str = Field(description="Stable: what programs go by.")
    detail: str = Field(description="For people; quotes nothing that a customer said.")
    errors: list[FieldError] = Field(
        default_factory=list, description="By field, where fields are to blame."
    )


class Refused(Answer):
    """An item of a batch that was not taken; the others are not touched by it."""

    problem: Problem


def maybe(description: str, **more: Any) -> Any:
    """A field that is left out where it has nothing to say; where it is there, it is not null."""
    return Field(default_factory=_never, description=description, **more)


def answers(
    model: type[Answer], description: str, status: int = 200, headers: tuple[str, ...] = ()
) -> Responses:
    """`model` as what an endpoint answers with `status`; known `headers` by their names."""
    told: dict[str, Any] = {"model": model, "description": description}
    if headers:
        told["headers"] = {name: HEADERS[name] for name in headers}
    return {status: told}


HEADERS: dict[str, dict[str, Any]] = {
    TIMING: {
        "description": "Where the time went, in milliseconds: `queue;dur=0.11, infer;dur=1.92, …` "
        "(W3C Server Timing).",
        "schema": {"type": "string"},
    },
    REPLAYED: {
        "description": "`true` where this is the first answer to the same request, told again; "
        "else left out.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Location": {"description": "Where it stands.", "schema": {"type": "string"}},
    "Retry-After": {
        "description": "Whole seconds after which to ask again.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {"description": "How to say who asks.", "schema": {"type": "string"}},
    "Content-Disposition": {"description": "The file's name.", "schema": {"type": "string"}},
    "Suda-Job-State": {
        "description": "The job's state when the file was begun.",
        "schema": {"type": "string"},
    },
}
"""What is said of a header, by its name."""


def _never() -> NoReturn:
    raise AssertionError("declared for the document, never filled in")
