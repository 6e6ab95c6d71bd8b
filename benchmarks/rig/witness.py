"""Keeps all answers that were given, and holds service and store to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchmarks.rig import ledger
from benchmarks.rig.barrage import again
from benchmarks.rig.shots import Plan, Volley


@dataclass
class Witness:
    """`amiss` is everything that should not have happened, in words."""

    url: str
    promises: dict[str, ledger.Promise] = field(default_factory=dict)
    amiss: list[str] = field(default_factory=list)
    sent: int = 0
    acknowledged: int = 0
    statuses: dict[int, int] = field(default_factory=dict)

    def saw(self, plan: Plan, volley: Volley, *, broken: bool = False) -> None:
        """Keep what was answered. Only where the service was killed may calls break off."""
        for shot in volley.shots:
            self.statuses[shot.status] = self.statuses.get(shot.status, 0) + 1
            if not (shot.accepted or shot.refused or (broken and shot.status == 0)):
                self.amiss.append(f"{plan.name}-{shot.number} was answered {shot.status}")
        given = ledger.promised(plan.name, volley.shots)
        self.sent += len(volley.shots)
        self.acknowledged += len(given)
        self.promises |= given

    def repeat(self, plan: Plan, volley: Volley) -> None:
        """Send everything once more: what was answered gets the same bytes, the rest an answer."""
        for shot in again(plan, sorted({shot.number for shot in volley.shots})):
            name = f"{plan.name}-{shot.number}"
            if not shot.accepted:
                self.amiss.append(f"{name} was answered {shot.status} when it was sent again")
                continue
            promise = ledger.Promise(shot.complaint, shot.digest)
            if self.promises.setdefault(name, promise) != promise:
                self.amiss.append(f"{name} was answered otherwise when it was sent again")

    def audit(self) -> None:
        """Hold the store to it."""
        for check, faults in ledger.audit_store(self.url, self.promises).items():
            self.amiss += [f"{check}: {fault}" for fault in faults]

    def report(self, **more: Any) -> dict[str, Any]:
        """Figures, and what is amiss."""
        return {
            "sent": self.sent,
            "acknowledged": self.acknowledged,
            "held_to_account": len(self.promises),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            **more,
            "amiss": self.amiss[:20],
            "passed": not self.amiss,
        }
