"""Each operation as a value: what is sent, and how its answer is read. No input or output here."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx

from suda_client import models
from suda_client.requests import Complaint, Feedback, to_json

T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request; `parse` reads a successful answer. `operation` is its path in the description."""

    method: str
    operation: str
    parse: Callable[[httpx.Response], T]
    path: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    files: Mapping[str, Any] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    seconds: float | None = None

    @property
    def url(self) -> str:
        """The path with its parameters in it."""
        return self.operation.format(**{k: quote(v, safe="") for k, v in self.path.items()})


def classify(
    given: Complaint | str, key: str | None, deadline_ms: int | None
) -> Call[models.Decision]:
    """Decide one complaint."""
    complaint = Complaint(text=given) if isinstance(given, str) else given
    # With an external id of its own a complaint is known again without a key.
    key = key or (None if complaint.external_id else str(uuid.uuid4()))
    return Call(
        "POST",
        "/v1/classify",
        _decision,
        body=to_json(complaint),
        headers=_headers(key, deadline_ms),
        seconds=_seconds(deadline_ms),
    )


def classify_batch(
    given: Sequence[Complaint | str], key: str | None, deadline_ms: int | None
) -> Call[list[models.Decision | models.Problem]]:
    """Decide several complaints, each on its own."""
    items = [Complaint(text=item) if isinstance(item, str) else item for item in given]
    return Call(
        "POST",
        "/v1/classify/batch",
        _decisions,
        body={"items": [to_json(item) for item in items]},
        headers=_headers(key or str(uuid.uuid4()), deadline_ms),
        seconds=_seconds(deadline_ms),
    )


def complaint(complaint_id: str) -> Call[models.Stored]:
    """A complaint and its latest decision."""
    return Call(
        "GET",
        "/v1/complaints/{complaint_id}",
        model(models.Stored),
        {"complaint_id": complaint_id},
    )


def feedback(given: Sequence[Feedback]) -> Call[list[models.Recorded | models.Problem]]:
    """Record what people decided; the same said again adds nothing."""
    body = {"items": [to_json(item) for item in given]}
    return Call("POST", "/v1/feedback", _recorded, body=body)


def feedback_page(
    since: datetime | None, after: int, limit: int
) -> Call[tuple[list[models.LabelRecord], int | None]]:
    """Label records and where the next page begins."""
    params: dict[str, Any] = {"after": after, "limit": limit}
    if since is not None:
        params["since"] = since.isoformat()
    return Call("GET", "/v1/feedback", _records, params=params)


def taxonomy() -> Call[models.Taxonomy]:
    """The heads and labels."""
    return Call("GET", "/v1/taxonomy", model(models.Taxonomy))


def ready() -> Call[bool]:
    """Whether complaints can be taken in; asked once."""
    return Call("GET", "/readyz", lambda _: True, repeatable=False)


def _headers(key: str | None, deadline_ms: int | None) -> dict[str, str]:
    headers = {} if key is None else {"Idempotency-Key": key}
    return headers if deadline_ms is None else {**headers, "Suda-Deadline-Ms": str(deadline_ms)}


def _seconds(deadline_ms: int | None) -> float | None:
    """How long to listen: what was begun in time is waited for by the service itself, too."""
    return None if deadline_ms is None else deadline_ms / 1000 + 10.0


M = TypeVar("M", bound=models.Answer)


def model(kind: type[M]) -> Callable[[httpx.Response], M]:
    """Reads an answer that is one object."""
    return lambda response: kind.model_validate_json(response.content)


def _decision(response: httpx.Response) -> models.Decision:
    replayed = response.headers.get("Idempotency-Replayed") == "true"
    return models.Decision.model_validate({**response.json(), "replayed": replayed})


def _decisions(response: httpx.Response) -> list[models.Decision | models.Problem]:
    return [
        models.Problem.model_validate(item["problem"])
        if "problem" in item
        else models.Decision.model_validate({**item["decision"], "replayed": item["replayed"]})
        for item in response.json()["items"]
    ]


def _recorded(response: httpx.Response) -> list[models.Recorded | models.Problem]:
    return [
        models.Problem.model_validate(item["problem"])
        if "problem" in item
        else models.Recorded.model_validate(item)
        for item in response.json()["items"]
    ]


def _records(response: httpx.Response) -> tuple[list[models.LabelRecord], int | None]:
    page = response.json()
    return [models.LabelRecord.model_validate(item) for item in page["records"]], page["next"]
