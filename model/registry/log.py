"""The promotion log: who made which model serve, when and why. Append-only, and it shows tampering.

One JSON object a line; each carries the hash of the line before it, so that a changed, removed or
reordered line breaks the chain. A line is durable before anything acts on it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from data.errors import RegistryError

Action = Literal["register", "promote", "rollback", "shadow", "canary"]
_START = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One line.

    `version` is what the action is about; `before` and `after` what served (for `shadow` and
    `canary`: what was tried beside it) until then and from then on. `digest` is the SHA-256 of the
    version's manifest, `gates` what the suite said, `details` anything else worth keeping. `hash`
    covers all of it and `previous`, the hash of the line before.
    """

    number: int
    at: str
    who: str
    action: Action
    version: str | None
    why: str
    before: str | None = None
    after: str | None = None
    forced: bool = False
    digest: str | None = None
    gates: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    previous: str = _START
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What a caller says of an entry; the log adds its number, its time and the chain."""

    who: str
    action: Action
    version: str | None
    why: str
    before: str | None = None
    after: str | None = None
    forced: bool = False
    digest: str | None = None
    gates: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PromotionLog:
    """The log at `path`; no file is an empty log."""

    path: Path

    def entries(self) -> list[Entry]:
        """All entries, oldest first.

        A last line without its line break was being written when the power went: nothing acted on
        it, and it is left out. Raises RegistryError naming the line that does not fit.
        """
        found: list[Entry] = []
        for number, line in enumerate(self._whole_lines(), 1):
            entry = self._parse(line, number)
            before = found[-1].hash if found else _START
            if entry.number != number or entry.previous != before or entry.hash != _hash(entry):
                raise RegistryError("was changed, or lines are missing", field=self._at(number))
            found.append(entry)
        return found

    def append(self, event: Event, at: datetime) -> Entry:
        """Write one entry, return it once it is durable. The caller holds the registry's lock."""
        entries = self.entries()
        open_ended = Entry(
            number=len(entries) + 1,
            at=at.isoformat(timespec="seconds"),
            previous=entries[-1].hash if entries else _START,
            **asdict(event),
        )
        entry = Entry(**{**asdict(open_ended), "hash": _hash(open_ended)})
        with self.path.open("ab") as file:
            file.truncate(len(b"".join(self._whole_lines())))
            file.write(json.dumps(asdict(entry), ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return entry

    def _whole_lines(self) -> list[bytes]:
        if not self.path.exists():
            return []
        return [line for line in self.path.read_bytes().splitlines(True) if line.endswith(b"\n")]

    def _parse(self, line: bytes, number: int) -> Entry:
        try:
            return Entry(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise RegistryError("is not a log entry", field=self._at(number)) from error

    def _at(self, number: int) -> str:
        return f"{self.path}:{number}"


def _hash(entry: Entry) -> str:
    content = {key: value for key, value in asdict(entry).items() if key != "hash"}
    return hashlib.sha256(
        json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()
