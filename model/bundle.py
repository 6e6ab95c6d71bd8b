"""A model as one directory that can be checked, moved and trusted.

`manifest.json` names the format, the content hash of every file, the heads with their calibration
and what the model was made from. A bundle is written under a temporary name and renamed, so a
half-written one never has the name of a whole one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.errors import BundleError
from data.taxonomy.load import parse
from data.taxonomy.schema import Head, Taxonomy
from data.text.normalise import fingerprint
from model.answer import HeadCalibration
from model.card import CARD, card

FORMAT = 1
MANIFEST = "manifest.json"
TAXONOMY = "taxonomy.yaml"


class HeadManifest(BaseModel):
    """One head as the bundle answers it; `leaves` fixes the order of the logits."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["tree", "flat", "ordinal"]
    leaves: list[str]
    temperature: float = Field(gt=0)
    bias: list[float] = []
    backoff: float = Field(ge=0, le=1)
    review: float = Field(ge=0, le=1)

    @classmethod
    def of(cls, head: Head, calibration: HeadCalibration) -> HeadManifest:
        """For a head of a taxonomy."""
        return cls(
            kind=head.kind,
            leaves=list(head.leaves),
            temperature=calibration.temperature,
            bias=list(calibration.bias),
            backoff=calibration.backoff,
            review=calibration.review,
        )

    def calibration(self) -> HeadCalibration:
        """As the runtime uses it."""
        return HeadCalibration(self.temperature, tuple(self.bias), self.backoff, self.review)


class Manifest(BaseModel):
    """The whole of manifest.json."""

    model_config = ConfigDict(extra="forbid")
    format: int
    kind: str
    version: str
    created_at: datetime
    normaliser: str
    taxonomy: str
    heads: dict[str, HeadManifest]
    runtime: dict[str, Any] = {}
    snapshot: dict[str, Any] = {}
    training: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    files: dict[str, str]


def sha256_of(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_digest(
    files: Mapping[str, str], heads: Mapping[str, HeadManifest], runtime: Mapping[str, Any] | None
) -> str:
    """Stands for everything that decides a bundle's answers; a version ends in its first digits.

    `files` maps names to their hashes.
    """
    whole = hashlib.sha256("".join(files.values()).encode())
    whole.update("".join(head.model_dump_json() for head in heads.values()).encode())
    if runtime:
        whole.update(json.dumps(runtime, sort_keys=True).encode())
    return whole.hexdigest()


def draft(
    kind: str,
    taxonomy: Taxonomy,
    heads: Mapping[str, HeadManifest],
    runtime: Mapping[str, Any] | None = None,
) -> Manifest:
    """The manifest of a model that is not written yet, to measure it as it will serve."""
    return Manifest(
        format=FORMAT,
        kind=kind,
        version=f"{kind}-draft",
        created_at=datetime.now(UTC),
        normaliser=fingerprint(),
        taxonomy=taxonomy.stamp,
        heads=dict(heads),
        runtime=dict(runtime or {}),
        files={},
    )


def write(
    target: Path,
    *,
    kind: str,
    taxonomy_bytes: bytes,
    heads: Mapping[str, HeadManifest],
    files: Mapping[str, bytes],
    snapshot: Mapping[str, Any],
    training: Mapping[str, Any],
    metrics: Mapping[str, Any],
    runtime: Mapping[str, Any] | None = None,
    created_at: datetime | None = None,
) -> Manifest:
    """Write a bundle at `target`, replacing what was there only once the new one is whole.

    `runtime` is what the classifier of this kind needs to know beside its files.
    """
    created_at = created_at or datetime.now(UTC)
    temporary = target.with_name(f".{target.name}.{created_at:%H%M%S%f}.tmp")
    temporary.mkdir(parents=True)
    content = {**files, TAXONOMY: taxonomy_bytes}
    for name, data in content.items():
        (temporary / name).write_bytes(data)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(content.items())}
    manifest = Manifest(
        format=FORMAT,
        kind=kind,
        version=f"{kind}-{created_at:%Y%m%d}-{content_digest(hashes, heads, runtime)[:10]}",
        created_at=created_at,
        normaliser=fingerprint(),
        taxonomy=parse(taxonomy_bytes, name=TAXONOMY).stamp,
        heads=dict(heads),
        runtime=dict(runtime or {}),
        snapshot=dict(snapshot),
        training=dict(training),
        metrics=dict(metrics),
        files=hashes,
    )
    (temporary / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    # For people; it decides nothing, so that no checksum guards it.
    (temporary / CARD).write_text(card(manifest), encoding="utf-8")
    _replace(temporary, target)
    return manifest


def _replace(temporary: Path, target: Path) -> None:
    if not target.exists():
        temporary.rename(target)
        return
    aside = target.with_name(f".{target.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    target.rename(aside)
    temporary.rename(target)
    shutil.rmtree(aside, ignore_errors=True)


def read(path: Path) -> tuple[Manifest, Taxonomy]:
    """Read and verify a bundle.

    Raises BundleError naming the bundle, and the file or field at fault, where it is missing, of
    another format, made with another normaliser, or has been changed.
    """
    try:
        manifest = Manifest.model_validate_json((path / MANIFEST).read_bytes())
    except OSError as error:
        raise BundleError(f"no {MANIFEST}: {error.strerror}", field=str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"{MANIFEST}: {where}: {first['msg']}", field=str(path)) from error
    if manifest.format != FORMAT:
        raise BundleError(f"format {manifest.format}, this version reads {FORMAT}", field=str(path))
    for name, expected in manifest.files.items():
        _verify(path, name, expected)
    if manifest.normaliser != fingerprint():
        raise BundleError(
            f"made with normaliser {manifest.normaliser}, this installation has {fingerprint()}: "
            "retrain, or install the opencc version it was made with",
            field=str(path),
        )
    taxonomy = parse((path / TAXONOMY).read_bytes(), name=str(path / TAXONOMY))
    _match_heads(path, manifest, taxonomy)
    return manifest, taxonomy


def _verify(path: Path, name: str, expected: str) -> None:
    if Path(name).name != name:
        raise BundleError(f"file name {name!r} leaves the bundle", field=str(path))
    if not (path / name).is_file():
        raise BundleError(f"{name} is missing", field=str(path))
    if (found := sha256_of(path / name)) != expected:
        raise BundleError(
            f"{name} has checksum {found[:12]}, expected {expected[:12]}", field=str(path)
        )


def _match_heads(path: Path, manifest: Manifest, taxonomy: Taxonomy) -> None:
    for name, head in manifest.heads.items():
        if name not in taxonomy or tuple(head.leaves) != taxonomy[name].leaves:
            raise BundleError(f"head {name} does not match {TAXONOMY}", field=str(path))
