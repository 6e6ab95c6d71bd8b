"""A policy pack as its page shows it: checked, and beside the one that holds."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.orm import Session

from data.errors import PolicyError
from serving.api.state import State
from serving.intake import now
from serving.policies.files import digest_of, parsed, read
from serving.store import policies
from serving.store.rows.policies import PolicyPackRow
from serving.triage.check import Overview, overview
from serving.triage.policy import PolicySet, packs_for

DEFAULT = "default"
"""What stands for the pack the service was started with, where an id is asked for."""

_KEPT = 16
_MOST_LINES = 1_500


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack; `id` is None for the one the service was started with."""

    id: str | None
    name: str
    files: Mapping[str, str]
    digest: str
    uploaded_at: datetime | None = None
    uploaded_by: str = ""
    note: str = ""

    @property
    def key(self) -> str:
        """What it is called in addresses."""
        return self.id or DEFAULT


@dataclass(frozen=True, slots=True)
class Checked:
    """What checking a pack came to: its policies, the newest one at a glance, or the fault."""

    policies: PolicySet | None = None
    view: Overview | None = None
    fault: PolicyError | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a difference; `kind` is file, hunk, added, removed or same."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Two packs, file by file; `cut` where there is more than is shown."""

    lines: tuple[Line, ...]
    added: int
    removed: int
    cut: bool


def pack_of(row: PolicyPackRow) -> Pack:
    """An uploaded pack."""
    return Pack(row.id, row.name, row.files, row.digest, row.uploaded_at, row.uploaded_by, row.note)


def default_pack(state: State) -> Pack:
    """The pack the service was started with."""
    directory = state.settings.policy or packs_for(state.intake.pipeline.taxonomy)
    files = read(directory)
    return Pack(None, directory.resolve().name, files, digest_of(files))


def found(session: Session, state: State, key: str) -> Pack:
    """A pack by what it is called in addresses. Raises NotFoundError."""
    return default_pack(state) if key == DEFAULT else pack_of(policies.find(session, key))


def holding(session: Session, state: State) -> Pack:
    """The pack that holds."""
    _, row = policies.holding(session)
    return default_pack(state) if row is None else pack_of(row)


def checked(request: Request, state: State, pack: Pack) -> Checked:
    """What checking a pack against the present taxonomy comes to; kept, for it takes a while."""
    kept: dict[tuple[str, str, str], Checked] = _kept(request)
    taxonomy = state.intake.pipeline.taxonomy
    key = (pack.name, pack.digest, taxonomy.stamp)
    if key not in kept:
        try:
            policy_set = parsed(pack.name, pack.files, taxonomy)
            made = Checked(policy_set, overview(policy_set.at(now()), taxonomy))
        except PolicyError as error:
            made = Checked(fault=error)
        while len(kept) >= _KEPT:
            kept.pop(next(iter(kept)))
        kept[key] = made
    return kept[key]


def difference(old: Mapping[str, str], new: Mapping[str, str]) -> Difference:
    """What changes from one pack's files to the other's, as a unified diff."""
    lines = list(_lines(old, new))
    kinds = [line.kind for line in lines]
    shown = tuple(lines[:_MOST_LINES])
    return Difference(
        shown, kinds.count("added"), kinds.count("removed"), cut=len(shown) < len(lines)
    )


def _lines(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Line]:
    for name in sorted({*old, *new}):
        before, after = old.get(name, "").splitlines(), new.get(name, "").splitlines()
        if before == after and (name in old) == (name in new):
            continue
        said = "（删除）" if name not in new else "（新增）" if name not in old else ""
        yield Line("file", name + said)
        for text in list(difflib.unified_diff(before, after, n=3, lineterm=""))[2:]:
            yield Line(_KINDS.get(text[:1], "same"), text)


_KINDS = {"@": "hunk", "+": "added", "-": "removed"}


def _kept(request: Request) -> dict[tuple[str, str, str], Checked]:
    app_state = request.app.state
    if not hasattr(app_state, "admin_packs"):
        app_state.admin_packs = {}
    kept: dict[tuple[str, str, str], Checked] = app_state.admin_packs
    return kept
