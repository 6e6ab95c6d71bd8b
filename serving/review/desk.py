"""What the review works with: the taxonomy, the policies, who reviews, and the house's terms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from data.taxonomy.schema import Taxonomy
from serving.settings import Settings
from serving.triage.policy import PolicySet


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who reviews; a `lead` (组长) also adjudicates. `actor` is their name in the audit trail."""

    who: str
    lead: bool = False

    @property
    def actor(self) -> str:
        """As the audit trail names them."""
        return f"user:{self.who}"


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a claim holds without a sign of life, how long a submission can be undone.

    `double` of all first opinions and `double_audit` of those on audit samples get a second one;
    `audit_turn` of the claims go to audit samples first; more than `bulk` items at once take a
    lead, more than `bulk_most` nobody.
    """

    lease: timedelta = timedelta(minutes=5)
    undo: timedelta = timedelta(minutes=10)
    double: float = 0.05
    double_audit: float = 0.25
    audit_turn: float = 0.1
    bulk: int = 50
    bulk_most: int = 500

    @classmethod
    def of(cls, settings: Settings) -> Terms:
        """As set."""
        return cls(
            lease=timedelta(seconds=settings.review_lease_seconds),
            undo=timedelta(minutes=settings.review_undo_minutes),
            double=settings.review_double_share,
            double_audit=settings.review_double_audit_share,
            audit_turn=settings.review_audit_turn,
            bulk=settings.review_bulk,
            bulk_most=settings.review_bulk_most,
        )


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything a review needs beside the session: codes, policies, and the house's terms."""

    taxonomy: Taxonomy
    policies: PolicySet
    terms: Terms = Terms()
