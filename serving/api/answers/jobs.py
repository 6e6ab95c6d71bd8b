"""Files of complaints and how far they are."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from serving.api.answers.base import Answer, FieldError, Whole, maybe
from serving.jobs.options import Saving


class RowProblem(Answer):
    """Why a row failed; personal data masked. An erased row keeps `code` and `detail` only."""

    code: str
    detail: str
    type: str = maybe("As in any problem document.")
    title: str = maybe("What the status means.")
    status: int = maybe("As the same complaint alone would have got.")
    errors: list[FieldError] = maybe("By field, where fields are to blame.")


class FailedRow(Answer):
    """A row that could not be decided."""

    row: int = Field(ge=1, description="Number of the row.")
    line: int = Field(ge=1, description="Line of the file.")
    id: str = maybe("The row's own id, where the file gives one; masked.")
    problem: RowProblem


class JobListed(Answer):
    """A job; its figures as of the last second."""

    id: str = Field(description="A ULID.")
    name: str = Field(description="Personal data masked.")
    created_by: str
    state: Literal["queued", "running", "paused", "done", "failed", "cancelled"]
    message: str | None = Field(description="Why it failed or waits.")
    saving: Saving | None
    sha256: str = Field(description="Of the file's bytes, hexadecimal.")
    total: Whole = Field(description="Rows.")
    done: Whole = Field(description="Rows decided.")
    failed: Whole
    review: Whole = Field(description="Decided rows that a person must see.")
    replayed: Whole = Field(description="Rows that had been decided before this job.")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    rows_per_second: float = Field(ge=0)
    seconds_left: float | None = Field(description="Known while it is worked on.")
    rows_kept: bool = Field(description="Its rows, and so its result, are still there.")


class JobAnswer(JobListed):
    """A job, with the first rows that failed."""

    first_errors: list[FailedRow]


class JobsPage(Answer):
    """Jobs, newest first."""

    items: list[JobListed]
    next: str | None = Field(description="`before` of the following page; null on the last.")


class FailedRowsPage(Answer):
    """Rows that failed, in the file's order."""

    items: list[FailedRow]
    next: int | None = Field(description="`after` of the following page; null on the last.")
