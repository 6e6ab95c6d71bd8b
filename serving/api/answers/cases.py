"""What became of a complaint."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from serving.api.answers.base import Answer, Whole


class CaseAnswer(Answer):
    """Where a case stands."""

    status: str = Field(description="open, accepted, resolved or withdrawn.")
    lead: str = Field(description="Code of the lead department (主办).")
    review: Literal["none", "waiting", "done"]
    reasons: list[str] = Field(description="Why a person must look.")
    bounces: Whole = Field(description="How often it came back (转办).")
    satisfaction: str | None
    accepted_at: datetime | None
    resolved_at: datetime | None
    updated_at: datetime


class ClockAnswer(Answer):
    """A deadline of a case and how it goes."""

    clock: str
    name: str | None
    basis: str | None
    statutory: bool
    extended: str | None = Field(description="The extension by whose limit it runs.")
    started_at: datetime
    due_at: datetime
    strict_due_at: datetime
    state: Literal["running", "paused", "met", "breached", "void"] = Field(
        description="A breached clock stays breached when it is met late."
    )
    met_at: datetime | None
    breached_at: datetime | None


class EventAnswer(Answer):
    """Something that happened. What belongs to its kind stands beside these fields."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    id: str
    kind: str = Field(description="Of docs/events.md, and some that only the service itself says.")
    name: str = Field(description="The kind in Chinese.")
    at: datetime = Field(description="When it happened.")
    recorded_at: datetime = Field(description="When it was told.")
    who: str
    department: str | None
    source: str = Field(description="The system that told, for which `event_id` is unique.")
    event_id: str | None
    note: str | None = Field(description="In words; null once erased.")


class EventTold(Answer):
    """An event as it was recorded, and where the case stands now."""

    event: EventAnswer
    replayed: bool = Field(description="The same was told before.")
    then: Literal["review", "escalation", "supervision"] | None = Field(
        description="What a bounce brought about: 复核, 升级 or 督办."
    )
    case: CaseAnswer


class Timeline(Answer):
    """A case, its clocks and all that happened to it, oldest first."""

    complaint_id: str
    case: CaseAnswer
    clocks: list[ClockAnswer]
    events: list[EventAnswer]
