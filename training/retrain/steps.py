"""Steps that are done once: each writes what went in and what came out, and is skipped on both.

A record is written last and renamed into place, so a step that was killed has none and runs again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Output:
    """What a step made: plain `values` for later steps, and `paths` (files, directories)."""

    values: Mapping[str, Any] = field(default_factory=dict)
    paths: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """steps/<name>.json: `inputs` is the hash of what went in, `made` that of every path."""

    name: str
    inputs: str
    given: Mapping[str, Any]
    values: Mapping[str, Any]
    made: Mapping[str, str]
    started_at: str
    seconds: float


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Steps:
    """The steps of the run in `folder`; `on_step` is told as each begins to work."""

    folder: Path
    on_step: Callable[[str], None] = lambda _: None
    clock: Callable[[], datetime] = _now

    def run(
        self, name: str, given: Mapping[str, Any], work: Callable[[], Output]
    ) -> Mapping[str, Any]:
        """The values of a step, from its record where that still holds, else by doing the work.

        `given` is everything the outcome depends on, as JSON values.
        """
        inputs = digest(given)
        record = self.record(name)
        if record and record.inputs == inputs and self._intact(record):
            return record.values
        self.on_step(name)
        started = self.clock()
        output = work()
        done = Record(
            name=name,
            inputs=inputs,
            given=given,
            values=output.values,
            made={self._name(path): tree_digest(path) for path in output.paths},
            started_at=started.isoformat(timespec="seconds"),
            seconds=round((self.clock() - started).total_seconds(), 3),
        )
        write_json(self._path(name), asdict(done))
        # As the next run will read it: what does not survive JSON would change between the two.
        return dict(json.loads(self._path(name).read_bytes())["values"])

    def record(self, name: str) -> Record | None:
        """What a finished step wrote; None where it is not finished."""
        path = self._path(name)
        return Record(**json.loads(path.read_bytes())) if path.exists() else None

    def records(self) -> list[Record]:
        """All finished steps, in the order they were done."""
        found = [self.record(path.stem) for path in (self.folder / "steps").glob("*.json")]
        return sorted(
            (record for record in found if record), key=lambda r: (r.started_at, r.seconds)
        )

    def _intact(self, record: Record) -> bool:
        return all(
            (self.folder / path).exists() and tree_digest(self.folder / path) == expected
            for path, expected in record.made.items()
        )

    def _path(self, name: str) -> Path:
        return self.folder / "steps" / f"{name}.json"

    def _name(self, path: Path) -> str:
        return os.path.relpath(path, self.folder)


def digest(value: Any) -> str:
    """SHA-256 of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def tree_digest(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of all files under a directory."""
    if path.is_file():
        return _file_digest(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return files_digest((file.relative_to(path).as_posix(), file) for file in files)


def files_digest(files: Iterable[tuple[str, Path]]) -> str:
    """SHA-256 of named files, in the order given."""
    whole = hashlib.sha256()
    for name, file in files:
        whole.update(f"{name}\0{_file_digest(file)}\n".encode())
    return whole.hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all, durably."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
