"""A directory of models: every version by its content, aliases, and the log that explains them.

versions/<version>/     a bundle, never changed once it is there
suites/<version>.json   what the suite said of it, and against which champion
aliases/champion …      one line with a version, for people and other programs
promotions.jsonl        the truth: what serves is what its last entry says
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.errors import ConflictError, InputError, NotFoundError, RegistryError
from model import bundle
from model.registry.check import check_version, digest_of, reason_of, refusal
from model.registry.log import Entry, Event, PromotionLog
from model.registry.state import State, state_of
from model.registry.verdict import Verdict

if sys.platform != "win32":
    import fcntl

CHAMPION, SHADOW, PREVIOUS, CANARY = "champion", "shadow", "previous", "canary"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Registry:
    """The registry at `path`, which need not exist yet."""

    path: Path
    clock: Callable[[], datetime] = _now

    @property
    def log(self) -> PromotionLog:
        """The promotion log."""
        return PromotionLog(self.path / "promotions.jsonl")

    def state(self) -> State:
        """What is registered and what serves. Raises RegistryError where the log was changed."""
        return state_of(self.log.entries())

    @property
    def champion(self) -> str | None:
        """The version that serves."""
        return self.state().champion

    def bundle_of(self, version: str) -> Path:
        """The verified directory of a version.

        Raises NotFoundError for an unknown one, BundleError or RegistryError for one that is not
        what was registered.
        """
        known = self.state().versions
        if version not in known:
            names = ", ".join(sorted(known)) or "none"
            raise NotFoundError(f"no such version; registered: {names}", field=version)
        path = self._directory(version)
        bundle.read(path)
        if digest_of(path) != known[version].digest:
            raise RegistryError(
                f"{bundle.MANIFEST} is not the one that was registered", field=str(path)
            )
        return path

    def add(
        self, source: Path, *, who: str, why: str, details: Mapping[str, Any] | None = None
    ) -> str:
        """Copy a bundle in and return its version; one that is there already changes nothing.

        Raises BundleError where the bundle is damaged or its version does not name its content,
        ConflictError where the same version is there with another manifest.
        """
        version = check_version(source)
        with self._locked():
            known = self.state().versions.get(version)
            if known is not None:
                if known.digest != digest_of(source):
                    raise ConflictError("is there with another manifest", field=version)
                return version
            self._copy(source, version)
            self._append(
                Event(
                    who=who,
                    action="register",
                    version=version,
                    why=reason_of(why),
                    digest=digest_of(source),
                    details=details or {},
                )
            )
        return version

    def judge(self, verdict: Verdict, result: Mapping[str, Any]) -> Path:
        """Keep what the suite said. Raises ConflictError where it is about other bundles."""
        if verdict.challenger_digest != digest_of(self.bundle_of(verdict.challenger)):
            raise ConflictError("the verdict is about another bundle", field=verdict.challenger)
        target = self._suite(verdict.challenger)
        content = {"verdict": verdict.as_json(), "result": result}
        _write(target, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
        return target

    def verdict(self, version: str) -> Verdict | None:
        """The last verdict on a version, whichever champion it was against."""
        path = self._suite(version)
        if not path.exists():
            return None
        try:
            values = json.loads(path.read_bytes())["verdict"]
        except (ValueError, KeyError) as error:
            raise RegistryError("is not a suite result", field=str(path)) from error
        return Verdict.from_json(values, name=str(path))

    def promote(self, version: str, *, who: str, why: str, force: bool = False) -> Entry | None:
        """Make a version the champion; None where it is already.

        Raises ConflictError saying which gate failed, or that the suite has not been run on
        exactly this bundle against the present champion; `force` overrides and is logged.
        """
        self.bundle_of(version)
        with self._locked():
            state = self.state()
            if state.champion == version:
                return None
            verdict = self.verdict(version)
            if not force and (reason := refusal(version, verdict, state)):
                raise ConflictError(reason, field=version)
            return self._append(
                Event(
                    who=who,
                    action="promote",
                    version=version,
                    why=reason_of(why),
                    before=state.champion,
                    after=version,
                    forced=force,
                    digest=state.versions[version].digest,
                    gates=verdict.summary() if verdict else {},
                )
            )

    def rollback(self, *, who: str, why: str) -> Entry:
        """Go back to the champion before this one. Raises ConflictError where there is none."""
        with self._locked():
            state = self.state()
            if state.previous is None:
                raise ConflictError("there is no earlier champion", field=CHAMPION)
            self.bundle_of(state.previous)
            return self._append(
                Event(
                    who=who,
                    action="rollback",
                    version=state.previous,
                    why=reason_of(why),
                    before=state.champion,
                    after=state.previous,
                    digest=state.versions[state.previous].digest,
                )
            )

    def shadow(self, version: str | None, *, who: str, why: str) -> Entry:
        """Let a version answer beside the champion without being heard; None ends that."""
        if version is not None:
            self.bundle_of(version)
        with self._locked():
            before = self.state().shadow
            return self._append(
                Event(who, "shadow", version, reason_of(why), before=before, after=version)
            )

    def canary(
        self, version: str, share: float, *, who: str, why: str, force: bool = False
    ) -> Entry:
        """Let a version answer a share of what comes in, until `end_canary` or another champion.

        Its answers are heard: the suite must have passed it, as `promote` asks, unless `force`.
        Raises ConflictError where it is refused, InputError for a share outside (0, 1).
        """
        if not 0 < share < 1:
            raise InputError(f"expected more than 0 and less than 1, got {share}", field="share")
        self.bundle_of(version)
        with self._locked():
            state = self.state()
            verdict = self.verdict(version)
            if state.champion == version:
                raise ConflictError("is the champion", field=version)
            if not force and (reason := refusal(version, verdict, state)):
                raise ConflictError(reason, field=version)
            return self._append(
                Event(
                    who=who,
                    action="canary",
                    version=version,
                    why=reason_of(why),
                    before=state.canary,
                    after=version,
                    forced=force,
                    digest=state.versions[version].digest,
                    gates=verdict.summary() if verdict else {},
                    details={"share": share},
                )
            )

    def end_canary(self, *, who: str, why: str) -> Entry | None:
        """Let the champion answer everything again; None where it does."""
        with self._locked():
            before = self.state().canary
            if before is None:
                return None
            return self._append(Event(who, "canary", before, reason_of(why), before=before))

    def mend(self) -> None:
        """Write the aliases anew where a crash, or a hand, left them behind the log."""
        if not self.log.path.exists():
            return
        state = self.state()
        wanted = {
            CHAMPION: state.champion,
            SHADOW: state.shadow,
            PREVIOUS: state.previous,
            CANARY: state.canary,
        }
        for name, version in wanted.items():
            path = self.path / "aliases" / name
            content = f"{version}\n" if version else None
            if content is None:
                path.unlink(missing_ok=True)
            elif not path.exists() or path.read_text(encoding="utf-8") != content:
                _write(path, content)

    def _append(self, event: Event) -> Entry:
        entry = self.log.append(event, self.clock())
        self.mend()
        return entry

    def _copy(self, source: Path, version: str) -> None:
        target = self._directory(version)
        temporary = target.with_name(f".{version}.{os.getpid()}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        manifest, _ = bundle.read(source)
        temporary.mkdir(parents=True)
        for name in (bundle.MANIFEST, *manifest.files):
            shutil.copyfile(source / name, temporary / name)
        # A directory without its log entry was being copied when the power went.
        shutil.rmtree(target, ignore_errors=True)
        temporary.rename(target)
        bundle.read(target)

    def _directory(self, version: str) -> Path:
        return self.path / "versions" / version

    def _suite(self, version: str) -> Path:
        return self.path / "suites" / f"{version}.json"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time, over processes; the lock goes with the process that held it."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("w") as file:
            if sys.platform != "win32":
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
