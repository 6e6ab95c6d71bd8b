"""Policy packs: read, checked against each other and the taxonomy, chosen by date."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import yaml
from pydantic import ValidationError

from data import calendar
from data.calendar import WorkCalendar
from data.errors import PolicyError
from data.taxonomy.schema import Taxonomy
from serving.triage.deadlines import Clocks, compile_clocks
from serving.triage.routing import Router, compile_routing
from serving.triage.rules import RuleSet, compile_rules
from serving.triage.schema import (
    DeadlinesFile,
    Departments,
    File,
    Retention,
    ReviewFile,
    Roles,
    RoutingFile,
    Rules,
)
from serving.triage.validate import Pack, check_compiled, check_pack

PACKS: Final = Path(__file__).parent / "packs"
_GENERIC: Final = "generic"
_HOLIDAYS: Final = "holidays.yaml"
_KINDS: Final[dict[str, type[File]]] = {
    "rules": Rules,
    "routing": RoutingFile,
    "deadlines": DeadlinesFile,
    "departments": Departments,
    "review": ReviewFile,
}
_NAME = re.compile(r"(?P<kind>[a-z]+)(?:@(?P<date>\d{4}-\d{2}-\d{2}))?")
_File = TypeVar("_File", bound=File)


@dataclass(frozen=True)
class Policy:
    """Everything that was in force at one time, ready to decide with."""

    stamp: str
    effective: date
    files: tuple[str, ...]
    pack: Pack
    roles: Roles
    rules: RuleSet
    router: Router
    clocks: Clocks
    review: ReviewFile
    retention: Retention | None


@dataclass(frozen=True)
class PolicySet:
    """The policies of a directory, oldest first."""

    zone: ZoneInfo
    policies: tuple[Policy, ...]

    def at(self, when: datetime) -> Policy:
        """The newest policy in force at `when`; before the first, the first."""
        local = when if when.tzinfo is None else when.astimezone(self.zone)
        in_force = [policy for policy in self.policies if policy.effective <= local.date()]
        return (in_force or self.policies)[-1 if in_force else 0]


@dataclass(frozen=True)
class _Read:
    name: str
    raw: bytes
    file: File


def packs_for(taxonomy: Taxonomy) -> Path:
    """The directory of the packs that ship for a taxonomy, or of those that serve any."""
    own = PACKS / taxonomy.id
    return own if own.is_dir() else PACKS / _GENERIC


def load(directory: Path, taxonomy: Taxonomy) -> PolicySet:
    """Read and check every policy of a directory.

    A file may come in versions (`routing.yaml`, `routing@2027-01-01.yaml`): from each effective
    date on the newest of each kind holds. `holidays.yaml`, if there, overrides working days.
    Raises PolicyError naming the file, the key and what was expected.
    """
    if not directory.is_dir():
        raise PolicyError("is not a directory with policy packs", field=str(directory))
    read = _read_all(directory)
    holidays = directory / _HOLIDAYS
    working = calendar.load(holidays) if holidays.is_file() else WorkCalendar()
    extra = holidays.read_bytes() if holidays.is_file() else b""
    first = max(min(item.file.effective for item in read[kind]) for kind in _KINDS)
    dates = sorted({first, *(item.file.effective for items in read.values() for item in items)})
    policies = tuple(
        _policy(directory, read, when, working, extra, taxonomy) for when in dates if when >= first
    )
    return PolicySet(policies[0].clocks.zone, policies)


def _read_all(directory: Path) -> dict[str, list[_Read]]:
    read: dict[str, list[_Read]] = {kind: [] for kind in _KINDS}
    for path in sorted(directory.glob("*.yaml")):
        if path.name == _HOLIDAYS:
            continue
        name = _NAME.fullmatch(path.stem)
        if name is None or name["kind"] not in _KINDS:
            expected = ", ".join(f"{kind}.yaml" for kind in _KINDS)
            raise PolicyError(f"is none of {expected}, {_HOLIDAYS}", field=str(path))
        item = _read(path, _KINDS[name["kind"]])
        if name["date"] and name["date"] != item.file.effective.isoformat():
            raise PolicyError(
                f"expected {name['date']} as in the file's name, got {item.file.effective}",
                field=f"{path}: effective",
            )
        read[name["kind"]].append(item)
    for kind, items in read.items():
        if not items:
            raise PolicyError("is missing from the pack", field=str(directory / f"{kind}.yaml"))
        dates = [item.file.effective for item in items]
        if len(set(dates)) < len(dates):
            names = ", ".join(item.name for item in items)
            raise PolicyError(
                f"two versions of one file take effect on one day: {names}",
                field=f"{directory / kind}: effective",
            )
    return read


def _read(path: Path, model: type[File]) -> _Read:
    try:
        raw = path.read_bytes()
        document: Any = yaml.safe_load(raw)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise PolicyError(f"cannot be read as YAML: {error}", field=str(path)) from error
    try:
        return _Read(path.name, raw, model.model_validate(document))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "file"
        raise PolicyError(first["msg"], field=f"{path}: {key}") from error


def _policy(
    directory: Path,
    read: dict[str, list[_Read]],
    when: date,
    working: WorkCalendar,
    extra: bytes,
    taxonomy: Taxonomy,
) -> Policy:
    chosen = {kind: _newest(items, when) for kind, items in read.items()}
    pack = Pack(
        directory=directory,
        names={kind: item.name for kind, item in chosen.items()},
        rules=_as(chosen["rules"], Rules),
        routing=_as(chosen["routing"], RoutingFile),
        deadlines=_as(chosen["deadlines"], DeadlinesFile),
        departments=_as(chosen["departments"], Departments),
        review=_as(chosen["review"], ReviewFile),
    )
    check_pack(pack, taxonomy)
    roles = pack.routing.roles
    router = compile_routing(pack.routing, pack.departments.departments, taxonomy)
    check_compiled(pack, router, taxonomy)
    return Policy(
        stamp=_stamp(directory.name, list(chosen.values()), extra),
        effective=when,
        files=tuple(item.name for item in chosen.values()),
        pack=pack,
        roles=roles,
        rules=compile_rules(pack.rules, roles, taxonomy),
        router=router,
        clocks=compile_clocks(pack.deadlines, roles, taxonomy, working),
        review=pack.review,
        retention=pack.deadlines.retention,
    )


def _newest(items: list[_Read], when: date) -> _Read:
    return max(
        (item for item in items if item.file.effective <= when),
        key=lambda item: item.file.effective,
    )


def _as(item: _Read, model: type[_File]) -> _File:
    if not isinstance(item.file, model):
        raise TypeError(f"{item.name} is not a {model.__name__}")
    return item.file


def _stamp(name: str, items: list[_Read], extra: bytes) -> str:
    """Readable version and the first 12 digits of the hash over all files in force."""
    digest = hashlib.sha256()
    for item in sorted(items, key=lambda item: item.name):
        digest.update(item.name.encode() + b"\0" + hashlib.sha256(item.raw).digest())
    digest.update(hashlib.sha256(extra).digest())
    version = max(item.file.version for item in items)
    return f"{name}@{version}+{digest.hexdigest()[:12]}"
