"""The Python client's models against the answers that docs/openapi.json declares."""

from __future__ import annotations

import json
from types import NoneType
from typing import Any, get_args

import pytest
from suda_client import models

from tests.clients.kit import ROOT

SCHEMAS: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))[
    "components"
]["schemas"]

NAMES: dict[type[models.Answer], str] = {
    models.Quote: "Quote",
    models.Evidence: "Evidence",
    models.RuleEvidence: "RuleEvidence",
    models.Alternative: "Alternative",
    models.Label: "LabelAnswer",
    models.Flag: "Flag",
    models.Party: "Party",
    models.Routing: "Routing",
    models.Deadline: "Deadline",
    models.Review: "Review",
    models.Reviewed: "Reviewed",
    models.Decision: "Decision",
    models.Received: "Received",
    models.Stored: "ComplaintAnswer",
    models.FieldError: "FieldError",
    models.Problem: "Problem",
    models.LabelRecord: "LabelRecord",
    models.Recorded: "Recorded",
    models.TaxonomyLabel: "TaxonomyLabel",
    models.Head: "TaxonomyHead",
    models.Code: "Code",
    models.CodeList: "CodeList",
    models.Taxonomy: "TaxonomyAnswer",
    models.Case: "CaseAnswer",
    models.CaseClock: "ClockAnswer",
    models.CaseEvent: "EventAnswer",
    models.Told: "EventTold",
    models.Timeline: "Timeline",
    models.RowProblem: "RowProblem",
    models.FailedRow: "FailedRow",
    models.Job: "JobAnswer",
}
# What the client adds: said by a header, or beside the decision.
ADDED: dict[type[models.Answer], set[str]] = {models.Decision: {"replayed"}}
# A line of a file of results, which no schema describes.
UNDECLARED = {models.JobRow}


def test_every_model_is_held_to_one() -> None:
    assert set(models.Answer.__subclasses__()) <= NAMES.keys() | UNDECLARED


@pytest.mark.parametrize("model", NAMES, ids=lambda model: model.__name__)
def test_fields_are_those_declared(model: type[models.Answer]) -> None:
    declared = set(SCHEMAS[NAMES[model]]["properties"])
    assert set(model.model_fields) - ADDED.get(model, set()) == declared


@pytest.mark.parametrize("model", NAMES, ids=lambda model: model.__name__)
def test_what_may_be_missing_or_null_breaks_nothing(model: type[models.Answer]) -> None:
    schema = SCHEMAS[NAMES[model]]
    for name, said in schema["properties"].items():
        field = model.model_fields[name]
        if {"type": "null"} in said.get("anyOf", ()):
            assert NoneType in get_args(field.annotation), name
        if name not in schema["required"]:
            assert not field.is_required(), name


def test_the_example_of_a_decision_is_read_whole() -> None:
    decision = models.Decision.model_validate(SCHEMAS["Decision"]["example"])
    assert not decision.model_extra
    assert not decision.labels["mood"].model_extra
