"""May this bundle in, and may it serve: the registry's refusals."""

from __future__ import annotations

import re
from pathlib import Path

from data.errors import BundleError, InputError
from model import bundle
from model.registry.state import State
from model.registry.verdict import Verdict

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def digest_of(path: Path) -> str:
    """SHA-256 of a bundle's manifest, which holds those of all its files."""
    return bundle.sha256_of(path / bundle.MANIFEST)


def check_version(path: Path) -> str:
    """Verify a bundle and return its version.

    Raises BundleError where it is damaged, or where heads, calibration or files are not those its
    version was made from: such a bundle was changed by hand.
    """
    manifest, _ = bundle.read(path)
    content = bundle.content_digest(manifest.files, manifest.heads, manifest.runtime)
    if not _NAME.fullmatch(manifest.version):
        raise BundleError(f"{manifest.version!r} cannot name a directory", field=str(path))
    if not manifest.version.endswith(f"-{content[:10]}"):
        raise BundleError(
            f"version {manifest.version} does not name its content ({content[:10]}): files, heads "
            "or calibration were changed after it was made",
            field=str(path),
        )
    return manifest.version


def refusal(version: str, verdict: Verdict | None, state: State) -> str | None:
    """Why a version may not be promoted, as a sentence; None where it may."""
    judge = f"run `suda models judge {version}`"
    if verdict is None:
        return f"the suite has not been run on it: {judge}"
    if verdict.challenger_digest != state.versions[version].digest:
        return f"the suite was run on another bundle of this name: {judge}"
    if verdict.champion != state.champion:
        return f"the suite compared it with {verdict.champion}, not {state.champion}: {judge}"
    if not verdict.passed:
        return "; ".join(verdict.failed) or "the suite did not pass"
    return None


def reason_of(why: str) -> str:
    """The reason without blanks around it. Raises InputError where there is none."""
    if not why.strip():
        raise InputError("expected a reason, got nothing", field="why")
    return why.strip()
