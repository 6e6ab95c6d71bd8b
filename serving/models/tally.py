"""How a canary does beside the champion, and when it does so much worse that it must end."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from serving.models.intervals import Interval, difference, wilson

# It is looked at over and over while it runs: at 99.9 % it ends by mere chance about never.
_Z = 3.2905267314919255


@dataclass(frozen=True, slots=True)
class Side:
    """What one model did: texts tried, those it failed on, decided ones that a person must see."""

    texts: int = 0
    failures: int = 0
    reviews: int = 0
    seconds: float = 0.0

    @property
    def decided(self) -> int:
        """Texts that it answered."""
        return self.texts - self.failures

    def as_json(self) -> dict[str, Any]:
        """Counts, and shares with their 95 % intervals."""
        failing, review = wilson(self.failures, self.texts), wilson(self.reviews, self.decided)
        return {
            "texts": self.texts,
            "failures": self.failures,
            "reviews": self.reviews,
            "failure_rate": failing.as_json() if failing else None,
            "review_rate": review.as_json() if review else None,
            "mean_ms": round(1000 * self.seconds / self.decided, 2) if self.decided else None,
        }


@dataclass(frozen=True, slots=True)
class Limits:
    """`margin` is by how much a rate may lie above the champion's; under `min_n` texts on either
    side nothing is judged.
    """

    margin: float = 0.05
    min_n: int = 200


class Tally:
    """Counts by model, since the canary began. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sides: defaultdict[str, Side] = defaultdict(Side)

    def begin(self) -> None:
        """Count anew."""
        with self._lock:
            self._sides.clear()

    def decided(self, version: str, *, review: bool, seconds: float) -> None:
        """A text was answered."""
        with self._lock:
            s = self._sides[version]
            self._sides[version] = Side(
                s.texts + 1, s.failures, s.reviews + review, s.seconds + seconds
            )

    def failed(self, version: str) -> None:
        """A model failed on a text."""
        with self._lock:
            s = self._sides[version]
            self._sides[version] = Side(s.texts + 1, s.failures + 1, s.reviews, s.seconds)

    def side(self, version: str) -> Side:
        """What a model did so far."""
        with self._lock:
            return self._sides.get(version, Side())


def worse(canary: Side, champion: Side, limits: Limits) -> str | None:
    """Why a canary must end, as a sentence with the numbers; None where it may go on.

    It must where the whole 99.9 % interval of a rate's difference lies above the margin.
    """
    if min(canary.texts, champion.texts) < limits.min_n:
        return None
    failing = difference((canary.failures, canary.texts), (champion.failures, champion.texts), _Z)
    review = difference((canary.reviews, canary.decided), (champion.reviews, champion.decided), _Z)
    for name, apart in (("fails on", failing), ("sends to review", review)):
        if apart is not None and apart.low > limits.margin:
            return f"it {name} {_said(apart)} more of the texts than the champion"
    return None


def _said(apart: Interval) -> str:
    return f"{apart.value:.1%} [{apart.low:.1%}, {apart.high:.1%}]"
