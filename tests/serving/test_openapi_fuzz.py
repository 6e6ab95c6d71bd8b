"""Requests that schemathesis draws from the document: each answer is one that it declares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.clients.kit import Live, listening
from tests.serving.conformance import DOCUMENT

EXAMPLES = 10
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
_FOUND: list[Any] = list(schemathesis.openapi.from_dict(DOCUMENT).get_all_operations())
OPERATIONS: dict[str, Any] = {found.ok().label: found.ok() for found in _FOUND}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, mood_bundle: Path) -> Iterator[Live]:
    with listening(tmp_path_factory.mktemp("fuzz"), mood_bundle) as running:
        yield running


@pytest.mark.parametrize("label", OPERATIONS)
def test_answers_are_those_declared(label: str, live: Live) -> None:
    """The same ones each time."""

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=OPERATIONS[label].as_strategy())
    def ask(case: Any) -> None:
        answer = case.call(base_url=live.url, headers={"Authorization": f"Bearer {live.key}"})
        case.validate_response(answer, checks=CHECKS)

    ask()


def test_every_operation_is_asked() -> None:
    assert len(OPERATIONS) == sum(len(methods) for methods in DOCUMENT["paths"].values())
