"""Token buckets: how many texts a key may send."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from data.errors import OverloadedError


class RateLimitError(OverloadedError):
    """A key sent more texts than its rate allows; nothing was done. HTTP 429."""

    code = "rate_limited"


@dataclass
class Bucket:
    """Fills with `rate` texts a minute up to one minute's worth.

    A batch larger than the bucket passes when the bucket is full, and leaves a debt to be waited
    off; refusing it would refuse it for ever.
    """

    rate: int
    level: float
    filled_at: float

    def take(self, texts: int, now: float) -> float:
        """Take `texts` out and return 0, or take nothing and return the seconds to wait."""
        per_second = self.rate / 60
        # A clock that runs backwards fills nothing.
        gained = max(0.0, now - self.filled_at) * per_second
        self.level, self.filled_at = min(float(self.rate), self.level + gained), now
        lacking = min(texts, self.rate) - self.level
        if lacking > 0:
            return lacking / per_second
        self.level -= texts
        return 0.0


@dataclass
class Buckets:
    """One bucket a key. Each process counts for itself; not for use by several threads at once."""

    clock: Callable[[], float]
    _buckets: dict[str, Bucket] = field(default_factory=dict)

    def charge(self, key_id: str, rate: int | None, texts: int) -> None:
        """Count `texts` against a key; `rate` None is no limit. Raises RateLimitError."""
        if rate is None:
            return
        now = self.clock()
        bucket = self._buckets.get(key_id)
        if bucket is None or bucket.rate != rate:
            bucket = self._buckets[key_id] = Bucket(rate, float(rate), now)
        wait = bucket.take(texts, now)
        if wait > 0:
            raise RateLimitError(
                f"this key may send {rate} texts a minute; wait {math.ceil(wait)} s",
                retry_after=wait,
            )
