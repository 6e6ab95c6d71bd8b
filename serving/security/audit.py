"""The audit chain: each entry carries the hash of the one before, so that tampering shows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from data.errors import FileFormatError, InputError

GENESIS = "0" * 64
"""What stands before the first entry."""

_ACTION = re.compile(r"[a-z_]+(\.[a-z_]+)+")
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Record:
    """Something done: by whom (`key:…`, `cli:…`), what (`key.created`), to what.

    `details` are ids, counts, versions, hashes and given reasons; never a complaint's words.
    """

    actor: str
    action: str
    subject: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """A record in the chain, exactly as stored; `details` is canonical JSON."""

    seq: int
    at: str
    actor: str
    action: str
    subject: str
    details: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head of the chain at some time; kept elsewhere, it shows a cut or rewritten chain."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain does not hold, and why."""

    seq: int
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many entries were checked, the last one, and every break found."""

    checked: int
    head: Anchor
    breaks: tuple[Break, ...]

    @property
    def intact(self) -> bool:
        """No break."""
        return not self.breaks


def chain(records: Sequence[Record], after: Anchor, now: datetime) -> list[Link]:
    """Link records behind `after`. Raises InputError for what does not belong into a record."""
    links: list[Link] = []
    at = now.astimezone(UTC).isoformat(timespec="microseconds")
    for record in records:
        head = Anchor(links[-1].seq, links[-1].hash) if links else after
        links.append(_link(record, head, at))
    return links


def _link(record: Record, head: Anchor, at: str) -> Link:
    _check(record)
    details = orjson.dumps(record.details, option=orjson.OPT_SORT_KEYS).decode()
    values = (head.seq + 1, at, record.actor, record.action, record.subject, details, head.hash)
    return Link(*values, digest(*values))


def digest(
    seq: int, at: str, actor: str, action: str, subject: str, details: str, previous: str
) -> str:
    """SHA-256 over the previous hash and the entry as a JSON array, in hex.

    An array of strings has one reading only: no two entries give the same bytes.
    """
    body = orjson.dumps([seq, at, actor, action, subject, details])
    return hashlib.sha256(previous.encode() + b"\n" + body).hexdigest()


def verify(
    links: Iterable[Link],
    anchors: Iterable[Anchor] = (),
    start: Anchor | None = None,
) -> Verdict:
    """Check every entry after `start` (default: from the first), then the anchors against them."""
    first = start or Anchor(0, GENESIS)
    wanted = _by_seq(anchors)
    head, checked = first, 0
    breaks: list[Break] = []
    for link in links:
        breaks += [Break(link.seq, why) for why in _faults(link, head)]
        breaks += [
            Break(link.seq, "is not the entry that was anchored")
            for known in wanted.pop(link.seq, set())
            if known != link.hash
        ]
        head, checked = Anchor(link.seq, link.hash), checked + 1
    missing = sorted(seq for seq in wanted if seq > first.seq)
    breaks += [Break(seq, f"was anchored, and the chain ends at {head.seq}") for seq in missing]
    return Verdict(checked, head, tuple(breaks))


def _by_seq(anchors: Iterable[Anchor]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for anchor in anchors:
        if anchor.seq:
            found.setdefault(anchor.seq, set()).add(anchor.hash)
    return found


def _faults(link: Link, head: Anchor) -> list[str]:
    faults = []
    if link.seq != head.seq + 1:
        faults.append(f"follows {head.seq}: entries are missing or out of order")
    if link.previous != head.hash:
        faults.append("does not continue the entry before it")
    fields = asdict(link)
    stored = fields.pop("hash")
    if _safe_digest(fields) != stored:
        faults.append("was changed: its content does not give its hash")
    return faults


def _safe_digest(fields: dict[str, Any]) -> str | None:
    try:
        return digest(**fields)
    except (TypeError, ValueError, AttributeError):
        # A column holds what was never written: the wrong type, or no text at all.
        return None


def _check(record: Record) -> None:
    if not _ACTION.fullmatch(record.action):
        raise InputError("expected words joined by dots, like key.created", field="action")
    for name in ("actor", "subject"):
        if not 0 < len(getattr(record, name)) <= 128:
            raise InputError("expected 1 to 128 characters", field=name)
    _check_details(record.details, "details")


def _check_details(value: Any, where: str) -> None:
    if isinstance(value, Mapping):
        for name, item in value.items():
            _check_details(item, f"{where}.{name}")
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check_details(item, where)
    elif isinstance(value, str) and len(value) > _LONGEST:
        # Whatever is longer than an id or a reason may be a customer's words.
        raise InputError(f"expected at most {_LONGEST} characters", field=where)
    elif not isinstance(value, (str, int, float, bool, type(None))):
        raise InputError("expected JSON", field=where)


def to_json(link: Link | Anchor) -> bytes:
    """One line of JSON."""
    return orjson.dumps(asdict(link))


def anchor_of(line: bytes) -> Anchor:
    """An anchor from a line of JSON; further fields are passed over. Raises FileFormatError."""
    try:
        found = orjson.loads(line)
        return Anchor(int(found["seq"]), str(found["hash"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise FileFormatError("expected lines of {seq, hash} from `suda audit anchor`") from error


def link_of(line: bytes) -> Link:
    """An entry from a line of an export. Raises FileFormatError."""
    try:
        return Link(**orjson.loads(line))
    except (orjson.JSONDecodeError, TypeError) as error:
        raise FileFormatError("expected lines written by `suda audit export`") from error
