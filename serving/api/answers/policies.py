"""Policy packs, and what they would change."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from serving.api.answers.base import Answer, Whole


class PackAnswer(Answer):
    """An uploaded pack."""

    id: str
    name: str
    stamp: str = Field(description="As decisions name it: of its newest policy.")
    files: list[str]
    uploaded_at: datetime
    uploaded_by: str
    note: str = Field(description="Personal data masked.")


class PolicyStamp(Answer):
    """One policy of a pack, and from when on it holds."""

    stamp: str
    effective: date = Field(description="The day from which on it holds.")
    files: list[str]


class UploadedPack(PackAnswer):
    """A pack that was just checked and kept."""

    policies: list[PolicyStamp]


class ActivationAnswer(Answer):
    """When which pack was made to hold."""

    pack_id: str | None = Field(description="null: what the service was started with.")
    at: datetime
    who: str
    why: str


class PoliciesAnswer(Answer):
    """Packs and activations, newest first."""

    holding: str | None = Field(description="The pack that holds; null: the one at the start.")
    activation: Whole = Field(description="Number of the last activation, 0 without any.")
    serving: str = Field(description="Stamp of the policy that this process decides by.")
    packs: list[PackAnswer]
    activations: list[ActivationAnswer]


class FieldChange(Answer):
    """One thing that would differ, as codes."""

    field: str = Field(
        description="urgency, lead, assisting, investigator, copies, branch, flags, review, or "
        "`deadlines:<clock>`."
    )
    before: str | None
    after: str | None


class ChangedComplaint(Answer):
    """A complaint that would be decided otherwise."""

    complaint_id: str
    changes: list[FieldChange]


class ReplayAnswer(Answer):
    """Past complaints decided by what held and by the pack."""

    before: list[str] = Field(description="Stamps of the policies that held.")
    after: str = Field(description="Stamp of the pack's newest policy.")
    total: Whole
    changed: Whole
    fields: dict[str, int] = Field(description="Complaints by what differs.")
    moves: dict[str, dict[str, int]] = Field(
        description="Of urgency, lead and investigator: complaints by `from → to`."
    )
    failed: Whole = Field(description="Complaints that could not be decided.")
    complaints: list[ChangedComplaint] = Field(description="The first that differ.")
