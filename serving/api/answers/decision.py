"""A decision, as POST /v1/classify answers it and everything else repeats it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from serving.api.answers.base import Answer, Share, maybe

Confidence = Annotated[Share, Field(description="Calibrated probability of the code, 0 to 1.")]


class Quote(Answer):
    """Characters of the complaint as it was sent: `start` up to, not with, `end`."""

    start: int = Field(ge=0, description="In Unicode code points from 0.")
    end: int = Field(ge=0, description="In Unicode code points.")
    text: str = Field(description="The words; empty once the complaint is erased, or masked.")


class Evidence(Quote):
    """Characters that speak for a label."""

    weight: float = Field(description="How much; comparable within one head's answer only.")


class RuleEvidence(Quote):
    """Characters that made a rule fire."""

    rule: str = Field(description="Id of the rule in the policy.")


class Alternative(Answer):
    """A label that was less likely."""

    code: str
    name: str
    confidence: Confidence


class LabelAnswer(Answer):
    """One head's answer."""

    code: str = Field(description="Of GET /v1/taxonomy; an inner node where leaves are unsure.")
    official_code: str | None = Field(description="Of the licensed standard, where laid over.")
    name: str
    path: list[str] = Field(description="Codes from the root of the tree to `code`.")
    confidence: Confidence
    margin: float = Field(description="By how much the likeliest leaf leads the next one.")
    backed_off: bool = Field(description="`code` is a parent: the leaf would have been a guess.")
    leaf: str = Field(description="The likeliest leaf, sure or not.")
    alternatives: list[Alternative] = Field(description="What else it might be, likeliest first.")
    evidence: list[Evidence]
    model_code: str = maybe(
        "What the model itself said: of the head of urgency always, of others once reviewed."
    )
    rules: list[str] = maybe("Of the head of urgency: ids of the rules that ask for this level.")
    rule_evidence: list[RuleEvidence] = maybe("Of the head of urgency: why they fired.")


class Flag(Answer):
    """Something sensitive (敏感信息): regulator, media, vulnerable people, …"""

    code: str
    name: str
    hint: bool = Field(description="For people to see; it raises nothing.")
    evidence: list[Quote] = Field(description="Empty where a field of the complaint set it.")


class Party(Answer):
    """A department."""

    code: str
    name: str


class Routing(Answer):
    """Who handles it."""

    lead: Party = Field(description="主办.")
    assisting: list[Party] = Field(description="协办.")
    investigator: Party | None = Field(description="核实, where the lead may not look at itself.")
    copies: list[Party] = Field(description="抄送.")
    branch: str | None = Field(description="属地: the branch it is about, given or found.")
    rule: str = Field(description="Id of the routing rule that decided.")
    alternatives: list[Party] = Field(description="Leads of the next most probable labels.")


class Deadline(Answer):
    """By when, and the legal basis."""

    clock: str = Field(description="Id of the clock in the policy.")
    name: str
    due_at: datetime = Field(description="Rolled past holidays where the law says so.")
    strict_due_at: datetime = Field(description="Not rolled: what warnings go by.")
    basis: str = Field(description="The article, or the house rule.")
    statutory: bool = Field(description="A legal limit; else a house rule.")
    extension: bool = Field(description="Holds only once an extension (延期) is approved.")
    provisional: bool = Field(description="A year's swap days were not known when it was reckoned.")


class Review(Answer):
    """Whether a person must look (复核), why and how soon."""

    needed: bool
    reasons: list[str] = Field(description="Stable codes.")
    priority: Share = Field(description="0 to 1, the highest first.")


class Reviewed(Answer):
    """Who looked, and what came of it."""

    by: str
    at: datetime
    round: int = Field(ge=1, description="2 where a second opinion or an adjudication was heard.")
    changed: list[str] = Field(description="Heads that got another code.")
    below_rules: str = maybe("The level rules ask for, where a milder one was chosen.")


class Decision(Answer):
    """A complete decision."""

    model_config = ConfigDict(
        protected_namespaces=(),
        # No nulls: the generator leaves them out of examples.
        json_schema_extra={
            "example": {
                "complaint_id": "01KAMZ6XK8Q0T3V5W7Y9B1D2F4",
                "external_id": "CC-20261122-0042",
                "received_at": "2026-11-22T09:30:00+08:00",
                "labels": {
                    "mood": {
                        "code": "M1",
                        "official_code": "9.1",
                        "name": "不满",
                        "path": ["M1"],
                        "confidence": 0.9312,
                        "margin": 0.8831,
                        "backed_off": False,
                        "leaf": "M1",
                        "alternatives": [{"code": "M2", "name": "平静", "confidence": 0.0481}],
                        "evidence": [{"start": 0, "end": 4, "text": "没人理我", "weight": 0.61}],
                    }
                },
                "flags": [],
                "routing": {
                    "lead": {"code": "intake", "name": "受理组"},
                    "assisting": [],
                    "investigator": {"code": "quality", "name": "质检组"},
                    "copies": [],
                    "branch": "城东支行",
                    "rule": "default",
                    "alternatives": [],
                },
                "deadlines": [],
                "review": {"needed": False, "reasons": [], "priority": 0.0688},
                "truncated": False,
                "versions": {
                    "model": "linear-20261101",
                    "taxonomy": "mood@1+0123456789ab",
                    "policy": "generic@1+ba9876543210",
                },
            }
        },
    )

    complaint_id: str = Field(description="Our id: a ULID.")
    external_id: str | None = Field(description="The caller's own id.")
    received_at: datetime
    labels: dict[str, LabelAnswer] = Field(description="By the head's name, in no fixed set.")
    flags: list[Flag]
    routing: Routing
    deadlines: list[Deadline]
    review: Review
    truncated: bool = Field(description="The model did not read the text to its end.")
    versions: dict[str, str] = Field(description="Of `model`, `taxonomy` and `policy`.")
    reviewed: Reviewed = maybe("Once a person has looked; never in the answer to a classify.")
