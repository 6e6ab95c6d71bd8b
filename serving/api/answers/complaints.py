"""Complaints told and decided: batches, what is kept, feedback, the taxonomy."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from data.snapshot.record import Role
from serving.api.answers.base import Answer, Refused, Share
from serving.api.answers.decision import Decision


class Decided(Answer):
    """An item of a batch that was decided."""

    decision: Decision
    replayed: bool = Field(description="It was decided before: this is the first answer.")


class BatchAnswer(Answer):
    """In the order of the request's items."""

    items: list[Decided | Refused]


class Received(Answer):
    """A complaint as it came in. Once erased, `text` is empty and `metadata` has nothing."""

    text: str
    source: str | None
    external_id: str | None
    channel: str | None
    branch: str | None
    product_hint: str | None
    customer_segment: str | None
    metadata: dict[str, Any] = Field(description="As the caller gave it.")


class ComplaintAnswer(Answer):
    """A complaint and its latest decision: a review follows the model's with one of its own."""

    complaint_id: str
    complaint: Received
    decision: Decision


class LabelRecord(Answer):
    """What one person decided about one head of one complaint; never changed, only followed."""

    id: int = Field(description="Running number.")
    complaint_id: str
    head: str
    code: str
    role: Role
    who: str
    decided_at: datetime
    model_code: str | None = Field(description="What the model had said.")
    bundle: str | None = Field(description="Which model that was.")
    comment: str | None = Field(description="Personal data masked.")
    via: str = Field(description="How it came in: `api`, `event`, `review`, …")
    selection: str | None = Field(description="Why the complaint was shown to a person.")
    inclusion: Share | None = Field(description="How probable it was to be shown.")


class Recorded(Answer):
    """An item of feedback that was taken."""

    complaint_id: str
    records: list[LabelRecord]
    replayed: bool = Field(description="The same had been said before: nothing was added.")


class FeedbackAnswer(Answer):
    """In the order of the request's items."""

    items: list[Recorded | Refused]


class RecordsPage(Answer):
    """Label records, oldest first."""

    records: list[LabelRecord]
    next: int | None = Field(description="`after` of the following page; null on the last.")


class TaxonomyLabel(Answer):
    """A label with what a person needs to apply it."""

    code: str
    official_code: str | None
    name: str
    parent: str | None
    path: list[str]
    leaf: bool
    definition: str
    includes: list[str]
    excludes: list[str]
    examples: list[str]


class TaxonomyHead(Answer):
    """A question that is answered of each complaint."""

    name: str
    kind: Literal["tree", "flat", "ordinal"] = Field(
        description="An ordinal one lists its labels from the most severe."
    )
    title: str
    labels: list[TaxonomyLabel] = Field(description="Every node; trees by `parent`.")


class Code(Answer):
    """A code of a list."""

    code: str
    name: str


class CodeList(Answer):
    """The codes that a field of a complaint may have."""

    title: str
    codes: list[Code]


class TaxonomyAnswer(Answer):
    """Heads and labels of the model that serves."""

    id: str
    version: str = Field(description="Id, version and part of the hash: as decisions name it.")
    title: str
    codes_status: Literal["provisional", "licensed"]
    heads: list[TaxonomyHead]
    fields: dict[str, CodeList] = Field(description="By the field's name, like `source`.")
