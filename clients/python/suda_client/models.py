"""What Suda answers, field by field as in its OpenAPI document.

Fields that a newer service adds are kept (`model_extra`) and break nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """Base of everything that is read."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())


class Quote(Answer):
    """Characters of the complaint, `start` to `end`, in code points."""

    start: int
    end: int
    text: str


class Evidence(Quote):
    """Characters that speak for a label."""

    weight: float | None = None


class RuleEvidence(Quote):
    """Characters that a rule fired on."""

    rule: str


class Alternative(Answer):
    """A label that was less likely."""

    code: str
    name: str
    confidence: float


class Label(Answer):
    """One head's answer. `backed_off`: the parent where the leaf would have been a guess.

    `rules` are there for urgency: what raised it. `model_code` is what the model itself said, of
    urgency and of whatever a person has looked at.
    """

    code: str
    official_code: str | None = None
    name: str
    path: list[str]
    confidence: float
    margin: float
    backed_off: bool
    leaf: str
    alternatives: list[Alternative]
    evidence: list[Evidence]
    model_code: str | None = None
    rules: list[str] = Field(default_factory=list)
    rule_evidence: list[RuleEvidence] = Field(default_factory=list)


class Flag(Answer):
    """Something sensitive (敏感): regulator, media, vulnerable people, …"""

    code: str
    name: str
    hint: bool
    evidence: list[Quote]


class Party(Answer):
    """A department."""

    code: str
    name: str


class Routing(Answer):
    """Who handles it: lead 主办, assisting 协办, investigator 核实, copies 抄送, branch 属地."""

    lead: Party | None
    assisting: list[Party]
    investigator: Party | None
    copies: list[Party]
    branch: str | None
    rule: str | None
    alternatives: list[Party]


class Deadline(Answer):
    """By when, and the legal basis."""

    clock: str
    name: str
    due_at: datetime
    strict_due_at: datetime
    basis: str
    statutory: bool
    extension: bool
    provisional: bool


class Review(Answer):
    """Whether a person must look (复核), and why."""

    needed: bool
    reasons: list[str]
    priority: float


class Reviewed(Answer):
    """Who looked (复核), in which round, and which heads got another code.

    `below_rules` is the level that rules ask for, where a milder one was chosen.
    """

    by: str
    at: datetime
    round: int
    changed: list[str]
    below_rules: str | None = None


class Decision(Answer):
    """A complete decision. `replayed`: it was made before, for the same complaint."""

    complaint_id: str
    external_id: str | None
    received_at: datetime
    labels: dict[str, Label]
    flags: list[Flag]
    routing: Routing
    deadlines: list[Deadline]
    review: Review
    truncated: bool
    versions: dict[str, str]
    reviewed: Reviewed | None = None
    replayed: bool = False


class Received(Answer):
    """A complaint as it came in; without words once it is erased."""

    text: str
    source: str | None
    external_id: str | None
    channel: str | None
    branch: str | None
    product_hint: str | None
    customer_segment: str | None
    metadata: dict[str, Any]


class Stored(Answer):
    """A complaint as it is kept, and its latest decision."""

    complaint_id: str
    complaint: Received
    decision: Decision


class FieldError(Answer):
    """What was wrong with one field."""

    field: str
    message: str


class Problem(Answer):
    """A problem document (RFC 9457). `code` is stable; `detail` is for people."""

    type: str = "about:blank"
    title: str = ""
    status: int
    code: str = ""
    detail: str = ""
    errors: list[FieldError] = Field(default_factory=list)


class LabelRecord(Answer):
    """What one person decided about one head of one complaint."""

    id: int
    complaint_id: str
    head: str
    code: str
    role: str
    who: str
    decided_at: datetime
    model_code: str | None = None
    bundle: str | None = None
    comment: str | None = None
    via: str | None = None
    selection: str | None = None
    inclusion: float | None = None


class Recorded(Answer):
    """The records of one item of feedback. `replayed`: they were there before."""

    complaint_id: str | None
    records: list[LabelRecord]
    replayed: bool


class TaxonomyLabel(Answer):
    """A label with what it means."""

    code: str
    official_code: str | None = None
    name: str
    parent: str | None
    path: list[str]
    leaf: bool
    definition: str
    includes: list[str]
    excludes: list[str]
    examples: list[str]


class Head(Answer):
    """A question that is answered of each complaint."""

    name: str
    kind: str
    title: str
    labels: list[TaxonomyLabel]


class Code(Answer):
    """A code of a list."""

    code: str
    name: str


class CodeList(Answer):
    """The codes that a field of a complaint may have."""

    title: str
    codes: list[Code]


class Taxonomy(Answer):
    """The heads and labels that the service answers with."""

    id: str
    version: str
    title: str
    codes_status: str
    heads: list[Head]
    fields: dict[str, CodeList]


class Case(Answer):
    """Where a complaint's case stands (受理, 办结, …)."""

    status: str
    lead: str | None
    review: str
    reasons: list[str]
    bounces: int
    satisfaction: str | None
    accepted_at: datetime | None
    resolved_at: datetime | None
    updated_at: datetime | None


class CaseClock(Answer):
    """A deadline of the case: running, met, breached or void."""

    clock: str
    name: str | None
    basis: str | None
    statutory: bool
    extended: str | None
    started_at: datetime
    due_at: datetime
    strict_due_at: datetime
    state: str
    met_at: datetime | None
    breached_at: datetime | None


class CaseEvent(Answer):
    """Something that happened to the case; what belongs to its kind is in `model_extra`."""

    id: Any
    kind: str
    name: str
    at: datetime
    recorded_at: datetime
    who: str
    department: str | None
    source: str | None
    event_id: str | None
    note: str | None


class Told(Answer):
    """What came of telling an event. `then`: what a bounce brought about, where it did."""

    event: CaseEvent
    replayed: bool
    then: str | None
    case: Case


class Timeline(Answer):
    """A case, its clocks and all that happened to it."""

    complaint_id: str
    case: Case
    clocks: list[CaseClock]
    events: list[CaseEvent]


class RowProblem(Answer):
    """Why a row failed; of an erased row only `code` and `detail` are left."""

    code: str
    detail: str
    type: str | None = None
    title: str | None = None
    status: int | None = None
    errors: list[FieldError] = Field(default_factory=list)


class FailedRow(Answer):
    """A row of a job that could not be decided."""

    row: int
    line: int
    id: str | None = None
    problem: RowProblem


class Job(Answer):
    """A file of complaints and how far it is: queued, running, paused, done, failed, cancelled.

    `first_errors` come with one job alone, not with a list of them.
    """

    id: str
    name: str
    created_by: str
    state: str
    message: str | None
    saving: str | None
    sha256: str
    total: int
    done: int
    failed: int
    review: int
    replayed: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    rows_per_second: float
    seconds_left: float | None
    rows_kept: bool
    first_errors: list[FailedRow] = Field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.state in ("done", "failed", "cancelled")


class JobRow(Answer):
    """One row of a job: its decision, or its problem."""

    row: int
    line: int
    id: str | None = None
    decision: Decision | None = None
    problem: RowProblem | None = None
    replayed: bool = False
