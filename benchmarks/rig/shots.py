"""What is to be sent, and what became of each request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import orjson


@dataclass(frozen=True, slots=True)
class Plan:
    """A load. `rate` requests a second come whatever the answers do; without it, `callers` each
    send their next request once they have their answer. `name` goes before every external id,
    which is what makes a request the same one when it is sent again. `deadline_ms` is the deadline
    asked for, None the service's own.
    """

    port: int
    token: str
    texts: str
    name: str
    seconds: float
    rate: float | None = None
    callers: int = 32
    arrivals: Literal["poisson", "constant"] = "poisson"
    path: str = "/v1/classify"
    host: str = "127.0.0.1"
    seed: int = 0
    timeout: float = 15.0
    connections: int = 1000
    most: int | None = None
    identified: bool = True
    deadline_ms: int | None = None

    def as_json(self) -> bytes:
        """For a process of the sender's own."""
        return orjson.dumps(asdict(self))


class Shot(NamedTuple):
    """One request; times in seconds from the start of the load, `status` 0 where no answer came.

    `intended` is when it should have left: waiting for the sender counts as waiting.
    """

    number: int
    intended: float
    sent: float
    done: float
    status: int
    complaint: str
    digest: str

    @property
    def latency(self) -> float:
        """Seconds from when it should have left to its answer."""
        return self.done - self.intended

    @property
    def accepted(self) -> bool:
        """Answered with a decision."""
        return self.status == 200

    @property
    def refused(self) -> bool:
        """Answered that it cannot be done now: nothing is kept of it."""
        return self.status in (429, 503, 504)


@dataclass(frozen=True, slots=True)
class Volley:
    """All of a load's requests, how long it lasted, and the sender's own processor seconds."""

    shots: tuple[Shot, ...]
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Decisions a second."""
        return sum(shot.accepted for shot in self.shots) / self.seconds

    def as_json(self) -> bytes:
        """For the process that ordered it."""
        # orjson knows no named tuples.
        shots = list(map(tuple, self.shots))
        return orjson.dumps(
            {"shots": shots, "seconds": self.seconds, "cpu_seconds": self.cpu_seconds}
        )

    @classmethod
    def parse(cls, line: bytes) -> Volley:
        """What `as_json` wrote."""
        found = orjson.loads(line)
        shots = tuple(Shot(*shot) for shot in found["shots"])
        return cls(shots, found["seconds"], found["cpu_seconds"])

    @classmethod
    def together(cls, volleys: Sequence[Volley]) -> Volley:
        """Of several senders at the same time."""
        shots = tuple(shot for volley in volleys for shot in volley.shots)
        return cls(shots, max(v.seconds for v in volleys), sum(v.cpu_seconds for v in volleys))

    def account(self) -> dict[str, Any]:
        """How many came to what: sent = accepted + refused + failed, or it does not add up."""
        statuses = Counter(shot.status for shot in self.shots)
        accepted = sum(shot.accepted for shot in self.shots)
        refused = sum(shot.refused for shot in self.shots)
        return {
            "sent": len(self.shots),
            "accepted": accepted,
            "refused": refused,
            "failed": len(self.shots) - accepted - refused,
            "statuses": {str(status): count for status, count in sorted(statuses.items())},
        }
