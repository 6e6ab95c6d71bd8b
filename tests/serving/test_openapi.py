"""docs/openapi.json: every answer declared, no empty schema, refusals as problem documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from jsonschema import Draft202012Validator

from serving.api.answers.base import Answer
from tests.serving.conformance import DOCUMENT, PROBLEM, SCHEMAS, closed, faults

JSON = "application/json"
# Answers that are no JSON, by their media types; of these no schema can say more.
FILES = {
    ("get", "/v1/jobs/{job_id}/result"): {
        "application/x-ndjson",
        "text/csv",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    },
    ("get", "/metrics"): {"text/plain"},
}
Operation = tuple[str, str]
OPERATIONS: dict[Operation, dict[str, Any]] = {
    (method, path): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    if isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_every_route_is_described(app: FastAPI) -> None:
    """Under /v1 nothing is left out of the document, and it holds nothing else."""
    served = {
        (method.lower(), context.path)
        for context in _routes(app)
        if context.path.startswith("/v1")
        for method in context.methods
    }
    assert served == {one for one in OPERATIONS if one[1].startswith("/v1")}


def _routes(app: FastAPI) -> Iterator[Any]:
    for context in iter_route_contexts(app.routes):
        if getattr(context, "methods", None):
            yield context


@pytest.mark.parametrize("which", OPERATIONS, ids=" ".join)
def test_each_success_has_a_schema(which: Operation) -> None:
    responses = OPERATIONS[which]["responses"]
    successes = {status: told for status, told in responses.items() if status.startswith("2")}
    assert successes
    for status, told in successes.items():
        content = told.get("content", {})
        assert told["description"] != "Successful Response" or status == "204"
        if status == "204":
            assert not content
        elif which in FILES:
            assert set(content) == FILES[which]
        else:
            (reference,) = content[JSON]["schema"].values()
            schema = SCHEMAS[reference.rpartition("/")[2]]
            assert schema["properties"]
            assert schema["description"]


@pytest.mark.parametrize("which", OPERATIONS, ids=" ".join)
def test_each_refusal_is_a_problem(which: Operation) -> None:
    responses = OPERATIONS[which]["responses"]
    refusals = {status: told for status, told in responses.items() if not status.startswith("2")}
    assert "default" in refusals
    for told in refusals.values():
        assert told["content"] == {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def test_no_field_is_left_open() -> None:
    """No property of an answer may be anything at all."""
    answered = {model.__name__: model for model in _models(Answer)}
    for name in answered.keys() & SCHEMAS.keys():
        for field, schema in SCHEMAS[name].get("properties", {}).items():
            said = {"$ref", "type", "anyOf", "oneOf", "enum", "const"} & schema.keys()
            assert said, f"{name}.{field} may be anything"


def _models(base: type[Answer]) -> Iterator[type[Answer]]:
    for model in base.__subclasses__():
        yield model
        yield from _models(model)


def test_the_schemas_are_schemas_and_all_there() -> None:
    for reference in references(DOCUMENT):
        assert reference.removeprefix("#/components/schemas/") in SCHEMAS
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
    assert not {"HTTPValidationError", "ValidationError"} & SCHEMAS.keys()


def test_names_are_good_for_generated_code() -> None:
    """Two models of one name would be told apart by their modules."""
    assert [name for name in SCHEMAS if not name.isidentifier() or "__" in name] == []


@pytest.mark.parametrize("name", [name for name, s in SCHEMAS.items() if "example" in s])
def test_examples_are_as_their_schema_says(name: str) -> None:
    assert faults(name, SCHEMAS[name]["example"]) == []


def test_the_declared_is_documentation_only(app: FastAPI) -> None:
    """Answers are not validated or written once more on their way out."""
    for context in _routes(app):
        declared = getattr(context, "response_model", None)
        assert not (isinstance(declared, type) and issubclass(declared, Answer)), context.path


def test_drift_is_seen() -> None:
    """Left out, of another type, not declared: each is a fault."""
    whole = SCHEMAS["Decision"]["example"]
    assert faults("Decision", {k: v for k, v in whole.items() if k != "routing"})
    assert faults("Decision", whole | {"mood": "tired"})
    assert faults("Decision", whole | {"external_id": 7})
    assert faults("Decision", whole | {"received_at": "2026-11-22T09:30:00"})
    assert closed(SCHEMAS)["EventAnswer"]["additionalProperties"] is True
