"""Who answers, who answers a share, who answers unheard."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from model.registry.state import State as Registered
from serving.engine.cache import CachedClassifier
from serving.models.canary import Canary
from serving.pipeline import Pipeline
from serving.triage.policy import PolicySet


@dataclass(frozen=True)
class Served:
    """A model that was let in at `since`: `bare` is what was tested, `pipeline` what answers,
    with the cache in front where there is one.
    """

    bare: Pipeline
    pipeline: Pipeline
    since: datetime

    @classmethod
    def of(cls, bare: Pipeline, since: datetime, cache_texts: int) -> Served:
        """With a new cache for so many texts."""
        if not cache_texts:
            return cls(bare, bare, since)
        cached = CachedClassifier(bare.classifier, cache_texts)
        return cls(bare, replace(bare, classifier=cached), since)

    @property
    def version(self) -> str:
        """The bundle's version."""
        return self.bare.classifier.version

    def under(self, policies: PolicySet) -> Served:
        """The same model under other policies."""
        return Served(
            replace(self.bare, policies=policies),
            replace(self.pipeline, policies=policies),
            self.since,
        )


@dataclass(frozen=True)
class Trial:
    """A canary: the number under which the registry's log began it, and its share."""

    served: Served
    share: float
    number: int

    @property
    def canary(self) -> Canary:
        """As the intake uses it."""
        return Canary(self.served.pipeline, self.share)


@dataclass(frozen=True)
class Lineup:
    """All models in use, as one value."""

    champion: Served
    trial: Trial | None = None
    shadow: Served | None = None

    def find(self, version: str) -> Served | None:
        """A model in use by its version."""
        loaded = (self.champion, self.trial.served if self.trial else None, self.shadow)
        return next((served for served in loaded if served and served.version == version), None)

    def under(self, policies: PolicySet) -> Lineup:
        """The same models under other policies."""
        trial = self.trial and replace(self.trial, served=self.trial.served.under(policies))
        return Lineup(
            self.champion.under(policies), trial, self.shadow and self.shadow.under(policies)
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the registry says should be in use."""

    champion: str | None
    shadow: str | None
    canary: str | None
    share: float
    canary_number: int

    @classmethod
    def of(cls, state: Registered) -> Wanted:
        """A shadow that is the champion has nothing to say."""
        shadow = state.shadow if state.shadow != state.champion else None
        return cls(state.champion, shadow, state.canary, state.share, state.canary_number)
