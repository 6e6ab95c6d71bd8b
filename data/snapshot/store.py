"""Snapshots on disk: `<root>/<id>/{rows.jsonl, manifest.json}`, written once, checked on load."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from data.errors import SnapshotError
from data.labelled import LabelledText, load_labelled
from data.snapshot.record import LabelRecord
from data.taxonomy.schema import Taxonomy

FORMAT = 1
ROWS = "rows.jsonl"
MANIFEST = "manifest.json"
_ID = 16


class Excluded(BaseModel):
    """A text that was left out: why, and the text it repeats where it does."""

    model_config = ConfigDict(extra="forbid")
    id: str
    origin: str
    reason: str
    of: str | None = None


class Decided(BaseModel):
    """Where a label comes from: the record that holds, who, when, and what the model had said."""

    model_config = ConfigDict(extra="forbid")
    code: str
    record: int | None
    subject: str
    who: str
    role: str
    decided_at: datetime
    model_code: str | None
    bundle: str | None
    contested: bool = False

    @classmethod
    def of(cls, record: LabelRecord, *, contested: bool) -> Decided:
        """For the record that holds."""
        return cls(
            code=record.code,
            record=record.id,
            subject=record.subject,
            who=record.who,
            role=record.role,
            decided_at=record.decided_at.astimezone(UTC),
            model_code=record.model_code,
            bundle=record.bundle,
            contested=contested,
        )


class Manifest(BaseModel):
    """The whole of manifest.json.

    `lineage` has, per text that people labelled, each head's deciding record; `parent` is the
    snapshot this one continues; `heldout` describes the sets that were kept out. `created_at` is
    the only field that does not count towards `id`.
    """

    model_config = ConfigDict(extra="forbid")
    format: int
    id: str
    created_at: datetime
    taxonomy: str
    parent: str | None
    rows: str
    counts: dict[str, int]
    labels: dict[str, dict[str, int]]
    heldout: dict[str, dict[str, Any]]
    excluded: list[Excluded]
    lineage: dict[str, dict[str, Decided]]

    def address(self) -> str:
        """What the id must be: a hash of everything but the id itself and the clock."""
        content = self.model_dump(mode="json", exclude={"id", "created_at"})
        whole = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(whole).hexdigest()[:_ID]

    def reasons(self) -> dict[str, int]:
        """How many texts were left out, by reason."""
        found: dict[str, int] = {}
        for item in self.excluded:
            found[item.reason] = found.get(item.reason, 0) + 1
        return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A verified snapshot. `path` can be given to anything that takes labelled texts."""

    path: Path
    manifest: Manifest

    @property
    def id(self) -> str:
        """Its content address."""
        return self.manifest.id

    def texts(self, taxonomy: Taxonomy) -> list[LabelledText]:
        """All rows. Raises FileFormatError where the taxonomy does not have their codes."""
        return load_labelled(self.path, taxonomy)


def load(path: Path) -> Snapshot:
    """Read and verify a snapshot.

    Raises SnapshotError naming what was changed: rows, manifest, or the name of the directory.
    """
    try:
        manifest = Manifest.model_validate_json((path / MANIFEST).read_bytes())
    except OSError as error:
        raise SnapshotError(f"no {MANIFEST}: {error.strerror}", field=str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SnapshotError(f"{MANIFEST}: {where}: {first['msg']}", field=str(path)) from error
    if manifest.format != FORMAT:
        raise SnapshotError(
            f"format {manifest.format}, this version reads {FORMAT}", field=str(path)
        )
    _verify(path, manifest)
    return Snapshot(path, manifest)


def _verify(path: Path, manifest: Manifest) -> None:
    if manifest.address() != manifest.id:
        raise SnapshotError(
            f"{MANIFEST} was changed: not the content of {manifest.id}", field=str(path)
        )
    if path.resolve().name != manifest.id:
        raise SnapshotError(f"holds snapshot {manifest.id}", field=str(path))
    try:
        rows = (path / ROWS).read_bytes()
    except OSError as error:
        raise SnapshotError(f"no {ROWS}: {error.strerror}", field=str(path)) from error
    if hashlib.sha256(rows).hexdigest() != manifest.rows:
        raise SnapshotError(f"{ROWS} was changed", field=str(path))
    extra = sorted(p.name for p in path.iterdir() if p.name not in (ROWS, MANIFEST))
    if extra:
        raise SnapshotError(f"holds {', '.join(extra)} beside its own files", field=str(path))


def is_snapshot(path: Path) -> bool:
    """Whether a directory claims to be a snapshot."""
    return (path / MANIFEST).is_file() and (path / ROWS).is_file()


def listed(root: Path) -> list[Snapshot]:
    """All snapshots under `root`, the oldest first. Raises SnapshotError for a damaged one."""
    found = [load(path) for path in sorted(root.glob("*")) if is_snapshot(path)]
    return sorted(found, key=lambda item: (item.manifest.created_at, item.id))


def encode(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows in the one form that is hashed: sorted by id, keys sorted, one JSON object a line."""
    ordered = sorted(rows, key=lambda row: str(row["id"]))
    return b"".join(orjson.dumps(row, option=orjson.OPT_SORT_KEYS) + b"\n" for row in ordered)


def write(root: Path, manifest: Manifest, rows: bytes) -> Snapshot:
    """Write a snapshot under a temporary name and rename it; the one that exists already stands."""
    target = root / manifest.id
    if is_snapshot(target):
        return load(target)
    temporary = root / f".{manifest.id}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    (temporary / ROWS).write_bytes(rows)
    (temporary / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    for name in (ROWS, MANIFEST):
        (temporary / name).chmod(0o444)
    temporary.rename(target)
    return load(target)
