"""Files of complaints."""

from __future__ import annotations

import uuid
from typing import BinaryIO, Literal

import httpx

from suda_client import models
from suda_client.calls import Call, model
from suda_client.requests import JobOptions

Kind = Literal["jsonl", "csv", "xlsx"]
_ONE = "/v1/jobs/{job_id}"


def submit(file: BinaryIO, name: str, options: JobOptions, key: str | None) -> Call[models.Job]:
    """Hand in a file; it must be seekable, so that it can be sent again."""
    sent = options.model_dump_json(exclude_unset=True, exclude_none=True)
    return Call(
        "POST",
        "/v1/jobs",
        model(models.Job),
        files={"options": (None, sent, "application/json"), "file": (name, file)},
        headers={"Idempotency-Key": key or str(uuid.uuid4())},
        seconds=600.0,
    )


def show(job_id: str) -> Call[models.Job]:
    """How far a job is."""
    return Call("GET", _ONE, model(models.Job), {"job_id": job_id})


def listed(state: str | None, before: str | None) -> Call[tuple[list[models.Job], str | None]]:
    """A page of jobs, newest first, and the `before` of the next."""
    given = {"state": state, "before": before}
    params = {name: value for name, value in given.items() if value is not None}
    return Call("GET", "/v1/jobs", _page, params=params)


def turn(job_id: str, way: Literal["pause", "cancel", "resume"]) -> Call[models.Job]:
    """Stop a job or go on with it."""
    return Call("POST", f"{_ONE}/{way}", model(models.Job), {"job_id": job_id})


def remove(job_id: str) -> Call[None]:
    """Remove a job and its rows; the complaints that it stored stay."""
    # A repeat after a lost answer would find nothing and say so.
    return Call("DELETE", _ONE, lambda _: None, {"job_id": job_id}, repeatable=False)


def result(job_id: str, kind: Kind, *, masked: bool) -> Call[None]:
    """What a job came to, as a file."""
    params = {"format": kind, "masked": str(masked).lower()}
    return Call("GET", f"{_ONE}/result", lambda _: None, {"job_id": job_id}, params=params)


def _page(response: httpx.Response) -> tuple[list[models.Job], str | None]:
    page = response.json()
    return [models.Job.model_validate(item) for item in page["items"]], page["next"]
