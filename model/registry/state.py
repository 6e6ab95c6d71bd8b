"""What the promotion log adds up to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from model.registry.log import Entry


@dataclass(frozen=True, slots=True)
class Registered:
    """One version as it was registered; `details` may name the checkpoint it was exported from."""

    version: str
    digest: str
    at: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class State:
    """`champions` is the way to the present one, last; a rollback goes back along it.

    `canary` answers `share` of what comes in since entry `canary_number` of the log; a new champion
    ends it, for it was compared with the old one. The champion serves since `since`.
    """

    versions: Mapping[str, Registered] = field(default_factory=dict)
    champions: tuple[str, ...] = ()
    shadow: str | None = None
    canary: str | None = None
    share: float = 0.0
    canary_number: int = 0
    since: str | None = None

    @property
    def champion(self) -> str | None:
        """The version that serves."""
        return self.champions[-1] if self.champions else None

    @property
    def previous(self) -> str | None:
        """The version a rollback goes back to."""
        return self.champions[-2] if len(self.champions) > 1 else None

    def aliases_of(self, version: str) -> tuple[str, ...]:
        """What else a version is called."""
        named = {
            "champion": self.champion,
            "previous": self.previous,
            "shadow": self.shadow,
            "canary": self.canary,
        }
        return tuple(name for name, other in named.items() if other == version)


def state_of(entries: Iterable[Entry]) -> State:
    """Replay the log."""
    versions: dict[str, Registered] = {}
    champions: list[str] = []
    shadow: str | None = None
    canary: Entry | None = None
    since: str | None = None
    for entry in entries:
        if entry.action == "register" and entry.version and entry.digest:
            versions[entry.version] = Registered(
                entry.version, entry.digest, entry.at, entry.details
            )
        elif entry.action == "promote" and entry.after:
            champions.append(entry.after)
        elif entry.action == "rollback":
            champions.pop()
        elif entry.action == "shadow":
            shadow = entry.after
        elif entry.action == "canary":
            canary = entry if entry.after else None
        if entry.action in ("promote", "rollback"):
            canary, since = None, entry.at
    state = State(versions, tuple(champions), shadow, since=since)
    if canary is None:
        return state
    share = float(canary.details.get("share", 0.0))
    return replace(state, canary=canary.after, share=share, canary_number=canary.number)
