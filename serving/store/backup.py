"""A copy of the store and the registry of models to go back to, while the service runs.

<directory>/
  store.sqlite3 | store.dump   the database: a file, or an archive of pg_dump
  models.tar                   the registry, where there is one
  manifest.json                revision, head of the audit trail, sha256 of the others

Customers' words in it are encrypted as they are in the store; the text key is never part of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, inspect
from sqlalchemy.orm import Session

from data.errors import ConflictError, FileFormatError
from serving.security.audit import Anchor, Verdict
from serving.store import audit, copying, revisions

FORMAT = 1
MANIFEST, MODELS = "manifest.json", "models.tar"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. `text_key` names the key (not the key itself) that encrypted last."""

    made_at: str
    database: str
    revision: str | None
    audit_seq: int
    audit_hash: str
    text_key: str | None
    files: dict[str, str]
    format: int = FORMAT

    @property
    def anchor(self) -> Anchor:
        """The audit trail's head, which the restored one must contain."""
        return Anchor(self.audit_seq, self.audit_hash)


def backup(
    engine: Engine, target: Path, registry: Path, now: datetime, text_key: str | None = None
) -> Manifest:
    """Copy everything into the new directory `target`, which is complete once it is there.

    Raises ConflictError where `target` is there already, InputError where the database's own tool
    is missing.
    """
    if target.exists():
        raise ConflictError("is there already", field=str(target))
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    partial.mkdir(parents=True, mode=0o700)
    try:
        # Before the copy: what the copy has beyond it is no break.
        with Session(engine) as session:
            head = audit.head(session)
        revision = revisions.current(engine)
        names = [copying.dump(engine, partial)]
        if registry.is_dir():
            names.append(_pack(registry, partial / MODELS))
        manifest = Manifest(
            made_at=now.isoformat(),
            database=engine.dialect.name,
            revision=revision,
            audit_seq=head.seq,
            audit_hash=head.hash,
            text_key=text_key,
            files={name: _sha256(partial / name) for name in names},
        )
        _write(partial / MANIFEST, manifest)
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return manifest


def read(source: Path) -> Manifest:
    """The manifest of a backup whose files are what they were. Raises FileFormatError."""
    try:
        manifest = Manifest(**json.loads((source / MANIFEST).read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise FileFormatError(
            f"expected a directory of `suda database backup` with a {MANIFEST}", field=str(source)
        ) from error
    if manifest.format != FORMAT:
        raise FileFormatError(
            f"expected format {FORMAT}, got {manifest.format}", field=str(source / MANIFEST)
        )
    for name, digest in manifest.files.items():
        path = source / name
        if not path.is_file() or _sha256(path) != digest:
            raise FileFormatError("is not what was backed up", field=str(path))
    return manifest


def restore(engine: Engine, source: Path, registry: Path) -> Manifest:
    """Bring a backup into an empty database and, where there is none, an empty registry.

    Raises FileFormatError where a file was changed, ConflictError where the database is not empty
    or of another kind.
    """
    manifest = read(source)
    if manifest.database != engine.dialect.name:
        raise ConflictError(
            f"the backup is of {manifest.database}, and this is {engine.dialect.name}",
            field="SUDA_DATABASE_URL",
        )
    if inspect(engine).get_table_names():
        raise ConflictError("expected an empty database", field="SUDA_DATABASE_URL")
    if MODELS in manifest.files and registry.exists() and any(registry.iterdir()):
        raise ConflictError("expected no models there", field=str(registry))
    copying.load(engine, source)
    if MODELS in manifest.files:
        registry.mkdir(parents=True, exist_ok=True)
        with tarfile.open(source / MODELS) as archive:
            _unpack(archive, registry)
    return manifest


def check(engine: Engine, manifest: Manifest) -> Verdict:
    """The audit trail of a restored database against what the backup says of it."""
    with Session(engine) as session:
        return audit.verify(session, [manifest.anchor])


def _pack(registry: Path, target: Path) -> str:
    with tarfile.open(target, "w") as archive:
        archive.add(registry, arcname=".")
    return target.name


def _unpack(archive: tarfile.TarFile, target: Path) -> None:
    """Files and folders below `target`. Raises FileFormatError, before any is written, for others.

    Python's own filter would do, but Debian 12 has Python 3.11.2, which does not know it.
    """
    archive.extraction_filter = getattr(tarfile, "data_filter", None)
    whole = target.resolve()
    for member in archive.getmembers():
        inside = (whole / member.name).resolve().is_relative_to(whole)
        if not (inside and (member.isfile() or member.isdir())):
            raise FileFormatError(
                "expected plain files and folders", field=f"{MODELS}: {member.name}"
            )
    # Checked above.
    archive.extractall(whole)  # noqa: S202


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, manifest: Manifest) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(asdict(manifest), file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
