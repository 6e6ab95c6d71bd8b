"""Models that serve, could, or are tried."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from serving.api.answers.base import Answer, Share, Whole, maybe


class Interval(Answer):
    """A share with its 95 % interval (Wilson)."""

    value: Share
    low: Share
    high: Share


class Served(Answer):
    """A model in use."""

    version: str
    taxonomy: str
    policy: str
    since: datetime = Field(description="Since when here, in this process.")


class Champion(Served):
    """The model that serves."""

    promoted_at: datetime | None = Field(
        description="When all replicas were told to serve it; null where the registry never said."
    )


class Figures(Answer):
    """How one side of a canary does."""

    texts: Whole
    failures: Whole
    reviews: Whole = Field(description="Decided ones that a person must see.")
    failure_rate: Interval | None
    review_rate: Interval | None
    mean_ms: float | None = Field(description="Milliseconds a text.")


class Canary(Served):
    """A model that answers a share, beside the champion's figures since it began."""

    share: Share
    figures: Figures
    champion_figures: Figures


class Shadow(Served):
    """A model that answers unheard."""

    waiting: Whole = Field(description="Complaints it has yet to look at.")


class Fault(Answer):
    """A model that was not let in."""

    model: str
    message: str
    at: datetime


class SuiteWord(Answer):
    """What the suite said of a version."""

    passed: bool
    against: str | None = Field(description="The champion it was compared with.")
    at: str
    failed: list[str] = Field(description="A sentence for each gate that was not passed.")


class Version(Answer):
    """A registered version."""

    version: str
    registered_at: str
    aliases: list[str] = Field(description="champion, previous, shadow, canary.")
    suite: SuiteWord | None = Field(description="null where it was never run, or not on this one.")


class Promotion(Answer):
    """A line of the promotion log."""

    number: int
    at: str
    who: str
    action: Literal["register", "promote", "rollback", "shadow", "canary"]
    version: str | None
    before: str | None
    after: str | None
    why: str
    forced: bool = Field(description="Against the suite's word, or without it.")


class ModelsAnswer(Answer):
    """Everything about models at once."""

    pinned: str | None = Field(description="Why models cannot be changed here; null: they can.")
    serving: Champion
    canary: Canary | None
    shadow: Shadow | None
    in_memory: Whole = Field(description="Models in memory, old ones not yet let go of included.")
    fault: Fault | None
    registry: str | None = Field(description="Why the registry cannot be read; null: it can.")
    versions: list[Version]
    log: list[Promotion] = Field(description="The last of them, newest first.")


class Agreement(Answer):
    """How often two models agree in one field."""

    champion: str
    field: str = Field(description="`head:<name>`, `urgency`, `lead` or `review`.")
    texts: Whole
    agreed: Whole
    agreement: Interval | None
    first_at: datetime
    last_at: datetime


class FieldPair(Answer):
    """What both said in one field."""

    champion: str | bool | None
    shadow: str | bool | None
    champion_confidence: Share | None = maybe("Of fields that a model answers.")
    shadow_confidence: Share | None = maybe("Of fields that a model answers.")


class Disagreement(Answer):
    """A complaint on which they differ, by id: no words."""

    number: int
    complaint_id: str
    champion: str
    differs: list[str]
    fields: dict[str, FieldPair]
    at: datetime


class ShadowAnswer(Answer):
    """How a shadow does beside what was heard."""

    version: str
    agreement: list[Agreement]
    items: list[Disagreement]
    next: int | None = Field(description="`after` of the following page; null on the last.")
