"""Answers held against docs/openapi.json, and every answer of the tests here with them."""

from __future__ import annotations

import copy
import json
import re
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "docs" / "openapi.json").read_text("utf-8")
)
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
PROBLEM = "application/problem+json"
_FORMATS = FormatChecker(("date",))


@_FORMATS.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    """RFC 3339: never without an offset."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def closed(schemas: dict[str, Any]) -> dict[str, Any]:
    """The same, where a field that is not declared is an error, unless more are said to come.

    Callers must allow for new fields; here each of them is to be declared.
    """
    strict = copy.deepcopy(schemas)
    for schema in strict.values():
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return strict


@cache
def validator(name: str) -> Draft202012Validator:
    """For one of the document's schemas, by name."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": closed(SCHEMAS)}}
    return Draft202012Validator(schema, format_checker=_FORMATS)


def faults(name: str, value: Any) -> list[str]:
    """What of a value is not as the schema says."""
    found = sorted(validator(name).iter_errors(value), key=lambda error: error.json_path)
    return [f"{error.json_path}: {_innermost(error)}" for error in found]


@lru_cache(maxsize=512)
def template(method: str, path: str) -> str | None:
    """Of the operation that a request is for; one in so many words goes before others."""
    for known in sorted(DOCUMENT["paths"], key=lambda one: one.count("{")):
        pattern = re.sub(r"\{\w+\}", "[^/]+", known)
        if method.lower() in DOCUMENT["paths"][known] and re.fullmatch(pattern, path):
            return str(known)
    return None


def amiss(method: str, path: str, answer: Any) -> list[str]:
    """What of an answer the document does not say. Pages and unknown paths answer as they like."""
    known = template(method, path)
    if known is None:
        return []
    responses = DOCUMENT["paths"][known][method.lower()]["responses"]
    said = responses.get(str(answer.status_code))
    if said is None and answer.status_code >= 400:
        said = responses["default"]
    if said is None:
        return [f"status {answer.status_code} is not declared"]
    kind = answer.headers.get("content-type", "").partition(";")[0]
    content = said.get("content")
    if not content:
        return [] if not answer.content else ["a body where none is declared"]
    if kind not in content:
        return [f"{kind!r} is not declared"]
    reference = content[kind]["schema"].get("$ref")
    return faults(reference.rpartition("/")[2], answer.json()) if reference else []


def conform(answer: Any) -> None:
    """A hook of the test client. Raises AssertionError for what the document does not say."""
    answer.read()
    request = answer.request
    found = amiss(request.method, request.url.path, answer)
    assert not found, f"{request.method} {request.url.path} {answer.status_code}: {found}"


def _innermost(error: Any) -> str:
    inner = [_innermost(one) for one in error.context or ()]
    return " / ".join(inner) if inner else str(error.message)[:300]
