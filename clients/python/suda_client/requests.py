"""What is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Complaint(BaseModel):
    """A complaint (投诉). With `source` and `external_id` every repeat gets the first answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    external_id: str | None = None
    source: str | None = None
    channel: str | None = None
    branch: str | None = None
    product_hint: str | None = None
    customer_segment: str | None = None
    received_at: datetime | None = None
    metadata: Mapping[str, Any] = Field(default_factory=dict)


class Feedback(BaseModel):
    """What one person decided; names the complaint by `complaint_id`, or by the caller's own id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: dict[str, str]
    who: str
    complaint_id: str | None = None
    source: str | None = None
    external_id: str | None = None
    role: str = "review"
    decided_at: datetime | None = None
    comment: str | None = None


def to_json(given: BaseModel) -> dict[str, Any]:
    """What was set, and only that."""
    return given.model_dump(mode="json", exclude_none=True, exclude_unset=True)
