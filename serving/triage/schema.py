"""The five files of a policy pack, as they are written. Unknown keys are refused."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.triage.clauses import Scope
from serving.triage.quantities import Kind

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Patterns = list[Annotated[str, Field(min_length=1)]]
Unit = Literal["minutes", "hours", "working_days", "natural_days"]
# What a department does about a complaint: takes it 受理, contacts the customer, plans, answers.
Step = Literal["accepted", "contacted", "planned", "resolved"]


class Strict(BaseModel):
    """Base of everything in a pack: extra keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class File(Strict):
    """What every file of a pack carries."""

    version: str = Field(min_length=1)
    effective: date


class When(Strict):
    """A condition: every key given must hold; within a key, any of its values.

    `product` codes hold for everything below them too; `branch` asks whether one is known.
    """

    product: list[str] = []
    reason: list[str] = []
    urgency: list[str] = []
    flags: list[Code] = []
    source: list[str] = []
    channel: list[str] = []
    segment: list[str] = []
    branch: bool | None = None


class Department(Strict):
    """A department: `affiliation` is the one it belongs to (挂靠), `webhook` where it is told."""

    code: Code
    name: str = Field(min_length=1)
    aliases: list[str] = []
    affiliation: Code | None = None
    webhook: str | None = None


class Departments(File):
    """departments.yaml."""

    departments: list[Department] = Field(min_length=1)


class Guard(Strict):
    """What takes a hit back (negation, third party …): a cue near it, unless something else.

    `where` is the side of the hit on which the cue stands, within `scope` and `reach` characters.
    An `adjacent` cue touches the hit, or is parted from it by `filler` only. `unless` is looked for
    from `lead_in` characters before the cue, so that 不得不 saves what 不 would take back.
    """

    name: str
    where: Literal["before", "after", "around"]
    scope: Scope = "clause"
    reach: int = Field(default=24, ge=1, le=80)
    cues: Patterns = Field(min_length=1)
    adjacent: bool = False
    filler: Patterns = []
    max_fillers: int = Field(default=4, ge=0, le=8)
    unless: Patterns = []
    lead_in: int = Field(default=4, ge=0, le=20)


class Context(Strict):
    """Words that must (`any`) and must not (`none`) stand near a hit, in `scope` and `reach`.

    `before` narrows it to what precedes the hit, `after` to what follows.
    """

    scope: Scope = "sentence"
    reach: int = Field(default=24, ge=1, le=80)
    side: Literal["before", "after", "around"] = "around"
    any: Patterns = []
    none: Patterns = []


class Measure(Strict):
    """A quantity that makes a rule fire: of `kind`, and `at_least` ≤ value ≤ `at_most`."""

    kind: Kind
    at_least: float = 0.0
    at_most: float | None = None


class Rule(Strict):
    """Fires on a pattern, a quantity or a field; raises to `level` and sets `flags`.

    `floor`: where quantities of its kind stand in the hit's sentence, one of them must reach it.
    `in_text`, `not_in_text` and `all_in_text` (lists, of each of which something must be found)
    ask about the text as a whole.
    """

    id: Code
    name: str
    level: str | None = None
    flags: list[Code] = []
    patterns: Patterns = []
    quantity: Measure | None = None
    fields: When | None = None
    floor: Measure | None = None
    near: list[Context] = []
    in_text: Patterns = []
    not_in_text: Patterns = []
    all_in_text: list[Annotated[Patterns, Field(min_length=1)]] = []
    guards: list[Code] = []


class FlagName(Strict):
    """A sensitive marker; a `hint` is for people to see and never raises anything."""

    code: Code
    name: str
    hint: bool = False


class Segmentation(Strict):
    """Where sentences and clauses end."""

    sentence: str = "[。!?;\\n]"
    clause: str = "[,、:]"
    connectives: Patterns = []


class Rules(File):
    """rules.yaml."""

    segmentation: Segmentation = Segmentation()
    terms: dict[Code, Patterns] = {}
    guards: dict[Code, Guard] = {}
    flags: list[FlagName] = []
    rules: list[Rule] = []


class Roles(Strict):
    """Which head of the taxonomy plays which part; null where the taxonomy has none."""

    product: str | None = None
    reason: str | None = None
    urgency: str | None = None


class Route(Strict):
    """First match wins."""

    id: Code
    when: When = When()
    lead: Code
    assisting: list[Code] = []


class Overlay(Strict):
    """Every match adds departments: `assisting` 协办, `copies` 抄送."""

    id: Code
    when: When
    assisting: list[Code] = []
    copies: list[Code] = []


class Recusal(Strict):
    """回避 (令2020-3 Art. 17): first match says who investigates in place of `lead`."""

    id: Code
    when: When = When()
    lead: list[Code] = Field(min_length=1)
    investigator: Code


class RoutingFile(File):
    """routing.yaml. A case that departments passed on twice (转办) goes to `escalation` as well."""

    roles: Roles
    alternatives: int = Field(default=2, ge=0, le=10)
    branch_patterns: Patterns = []
    branch_stops: Patterns = []
    routes: list[Route] = Field(min_length=1)
    overlays: list[Overlay] = []
    recusals: list[Recusal] = []
    escalation: Code | None = None


class Limit(Strict):
    """How long a clock runs; the first limit whose condition holds is taken."""

    when: When = When()
    amount: int = Field(ge=0, le=3660)
    unit: Unit


class Clock(Strict):
    """One deadline. No limit that holds means the clock does not run.

    `roll` moves a last day that is a holiday to the next working day (民法典 Art. 203);
    `extension` marks a limit that needs an approval first, of the clock that it `extends`.
    `met_by` is the step of handling that meets it; a `pausable` one stands still during an
    appraisal or mediation (令2020-3 Art. 18, 23).
    """

    id: Code
    name: str
    kind: Literal["statutory", "internal"]
    basis: str = Field(min_length=1)
    extension: bool = False
    extends: Code | None = None
    roll: bool = True
    met_by: Step = "resolved"
    pausable: bool = False
    limits: list[Limit] = Field(min_length=1)


class Retention(Strict):
    """How long records are kept after closing: stated, never an alarm."""

    years: int = Field(ge=1)
    basis: str


class DeadlinesFile(File):
    """deadlines.yaml."""

    timezone: str
    retention: Retention | None = None
    clocks: list[Clock] = Field(min_length=1)


class Priority(Strict):
    """Priority = `urgency_share` × weight of the level + the rest × uncertainty."""

    urgency_share: float = Field(ge=0, le=1)
    levels: dict[str, float] = {}
    no_level: float = Field(default=0.5, ge=0, le=1)


class ReviewFile(File):
    """review.yaml.

    `severe_at` is about the answer itself: how likely a level, with those above it, must be for
    the model to ask for it; None takes the likeliest.
    """

    severe_at: float | None = Field(default=None, gt=0, le=0.5)
    margin: float = Field(ge=0, le=1)
    margins: dict[str, float] = {}
    novelty: float | None = None
    more_severe: float | None = Field(default=None, ge=0, le=1)
    unknown_rate: float = Field(ge=0, le=1)
    backed_off: bool = True
    truncated: bool = True
    disagreement_levels: int = Field(default=2, ge=1)
    needs_rule: list[str] = []
    always: list[str] = []
    hints: list[Code] = []
    audit_share: float = Field(ge=0, le=1)
    priority: Priority
