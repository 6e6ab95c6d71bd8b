"""What triage decides, as plain values. A Decision can be replayed from what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from model.classifier import HeadPrediction


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule or flag that fired, with the span of the original text that made it fire."""

    rule: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Flag:
    """A sensitive marker (敏感信息), e.g. regulator 监管; `evidence` is empty if a field set it.

    A `hint` is for people to see; it raises nothing.
    """

    code: str
    name: str
    evidence: tuple[Hit, ...]
    hint: bool = False


@dataclass(frozen=True, slots=True)
class Urgency:
    """The final level of the urgency head: max(model, rules).

    `head` is that head's name, `rules` those that set the level or would alone.
    """

    head: str
    code: str
    model_code: str
    rules: tuple[str, ...]
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Party:
    """A department in a role."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Routing:
    """Who handles: lead 主办, assisting 协办, investigator 核实 (回避), copies 抄送, branch 属地.

    `rule` is the routing rule that decided, `alternatives` the leads that the next most probable
    labels would have had.
    """

    lead: Party
    assisting: tuple[Party, ...]
    investigator: Party | None
    copies: tuple[Party, ...]
    branch: str | None
    rule: str
    alternatives: tuple[Party, ...]


@dataclass(frozen=True, slots=True)
class Deadline:
    """One clock. `due_at` is rolled past holidays (民法典 Art. 203) where the clock says so;
    `strict_due_at` is not, and is what internal warnings use.

    `statutory` tells a legal limit from a house rule, `extension` one that needs an approval
    first; `provisional` says that a year's swap days were not known when it was reckoned.
    """

    clock: str
    name: str
    due_at: datetime
    strict_due_at: datetime
    basis: str
    statutory: bool = False
    extension: bool = False
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """Whether a person must look, why (stable codes), and how soon (priority in [0, 1])."""

    needed: bool
    reasons: tuple[str, ...]
    priority: float


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything that is answered about one complaint; `policy` is the stamp of the packs used."""

    heads: Mapping[str, HeadPrediction]
    urgency: Urgency | None
    flags: tuple[Flag, ...]
    routing: Routing
    deadlines: tuple[Deadline, ...]
    review: Review
    truncated: bool
    policy: str = ""
