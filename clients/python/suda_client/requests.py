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


class EventReport(BaseModel):
    """Something that happened to a case; `event_id` is the sender's own and makes repeats safe.

    Kinds: accepted 受理, contacted 首次联系, planned 形成处理方案, bounced 转办 (`reason`),
    resolved 办结 (`result`), extended 延期, paused 中止, resumed 恢复, withdrawn 撤回
    (`merged_into`, where it was taken for a repetition),
    opinion 客户评价.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_id: str
    kind: str
    who: str
    department: str | None = None
    source: str | None = None
    at: datetime | None = None
    note: str | None = None
    result: str | None = None
    root_cause: str | None = None
    reason: str | None = None
    suggested: str | None = None
    labels: dict[str, str] | None = None
    extension: str | None = None
    clock: str | None = None
    approver: str | None = None
    told_at: datetime | None = None
    why: str | None = None
    clocks: list[str] | None = None
    satisfaction: str | None = None
    merged_into: str | None = None


class JobOptions(BaseModel):
    """How the rows of a file become complaints. `saving="dry_run"` decides and stores nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = None
    format: str | None = None
    saving: str = "complaints"
    columns: dict[str, str] = Field(default_factory=dict)
    defaults: dict[str, str] = Field(default_factory=dict)


def to_json(given: BaseModel) -> dict[str, Any]:
    """What was set, and only that."""
    return given.model_dump(mode="json", exclude_none=True, exclude_unset=True)
