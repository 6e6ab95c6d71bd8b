"""The OpenAPI document: declared answers instead of inferred ones, problems for every refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from fastapi import FastAPI

from serving.api.answers.base import HEADERS
from serving.api.problems import MEDIA_TYPE

_SCHEMAS: Final = "#/components/schemas/"
_PROBLEM: Final = {MEDIA_TYPE: {"schema": {"$ref": f"{_SCHEMAS}Problem"}}}
_INVALID: Final = "Something in it is not as expected; `errors` names the field"
_OTHERWISE: Final = "Any other refusal, like 400, 404 or 413"
_COMES_WITH: Final = {
    "401": "WWW-Authenticate",
    "429": "Retry-After",
    "503": "Retry-After",
}
# FastAPI's own idea of a refusal, which is never answered.
_FOREIGN: Final = ("HTTPValidationError", "ValidationError")


def install(app: FastAPI) -> None:
    """Have the application tell its document tidied; it is made once, when it is asked for."""
    generate: Callable[[], dict[str, Any]] = app.openapi

    def described() -> dict[str, Any]:
        made = app.openapi_schema is None
        document = generate()
        if made:
            tidy(document)
        return document

    app.openapi = described  # type: ignore[method-assign]


def tidy(document: dict[str, Any]) -> None:
    """Say what FastAPI cannot know, in place.

    A declared answer stands beside the type that the endpoint's annotation implies (any object):
    the reference alone stays. Refusals are problem documents, whatever their status.
    """
    for operation in _operations(document):
        responses = operation["responses"]
        if "422" in responses:
            responses["422"] = {"description": _INVALID}
        responses.setdefault("default", {"description": _OTHERWISE})
        for status, response in responses.items():
            if status.startswith("2"):
                _only_declared(response)
            else:
                _refusal(status, response)
    schemas = document["components"]["schemas"]
    for name in _FOREIGN:
        schemas.pop(name, None)
    for schema in list(schemas.values()):
        for field in schema.get("properties", {}).values():
            _name_items(field, schemas)
    document["components"]["schemas"] = dict(sorted(schemas.items()))


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def _only_declared(response: dict[str, Any]) -> None:
    for media in response.get("content", {}).values():
        reference = media.get("schema", {}).get("$ref")
        if reference is not None:
            media["schema"] = {"$ref": reference}


def _name_items(field: dict[str, Any], schemas: dict[str, Any]) -> None:
    """What is shown in a list as a model (serving.api.shown) stands among the others, by name."""
    items = field.get("items", {})
    if "properties" in items:
        schemas.setdefault(items["title"], items)
        field["items"] = {"$ref": f"{_SCHEMAS}{items['title']}"}


def _refusal(status: str, response: dict[str, Any]) -> None:
    response["content"] = _PROBLEM
    header = _COMES_WITH.get(status)
    if header is not None:
        response["headers"] = {header: HEADERS[header]}
