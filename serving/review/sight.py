"""What a reviewer sees of an item. A blind one shows nothing that a model or a rule said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from data.records import Complaint
from data.taxonomy.schema import Head
from serving.review.answers import complaint_of, model_answer, standing_answer
from serving.review.claims import find
from serving.review.desk import Desk
from serving.review.difference import codes, limits
from serving.review.marks import Piece, marks_of, personal, pieces
from serving.review.masking import hide
from serving.review.opening import ADJUDICATION
from serving.review.redecide import Ground, ground
from serving.review.similar import Past, past
from serving.store import cases
from serving.store.rows.cases import CaseRow
from serving.store.rows.review import ItemRow

# A head with so few labels shows all of them: there is a digit for each.
_FEW = 9


@dataclass(frozen=True, slots=True)
class Candidate:
    """A label that a digit chooses; `share` is the model's probability where it gave one."""

    code: str
    name: str
    path: str
    share: float | None


@dataclass(frozen=True, slots=True)
class HeadSight:
    """One head: what is chosen to begin with, what to choose from, and whether it is in doubt.

    `suggested` is the model's answer, which may be an inner node (`backed_off`), None where blind;
    `by_rules` says that rules raised it. `opinions` are those of earlier rounds.
    """

    name: str
    title: str
    kind: str
    chosen: str
    suggested: str | None
    suggested_path: str
    share: float | None
    backed_off: bool
    doubtful: bool
    by_rules: bool
    candidates: tuple[Candidate, ...]
    opinions: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that fired: its name, the level it asks for and the words it found."""

    name: str
    level: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Due:
    """A clock of the decision as it stands."""

    clock: str
    name: str
    due_at: datetime
    limit: str
    basis: str
    statutory: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything on the page of an item; blind ones have no marks but of personal data, no rules,
    no routing, no clocks and no similar cases.
    """

    item: ItemRow
    case: CaseRow
    complaint: Complaint
    pieces: tuple[Piece, ...]
    personal: tuple[str, ...]
    heads: tuple[HeadSight, ...]
    rules: tuple[Rule, ...]
    flags: tuple[str, ...]
    routing: Mapping[str, Any] | None
    deadlines: tuple[Due, ...]
    past: tuple[Past, ...]
    model: str | None
    older_model: str | None
    floor: str | None


def sight(session: Session, desk: Desk, item_id: str, *, revealed: bool = False) -> Sight:
    """The page of an item; `revealed` shows personal data. Raises NotFoundError."""
    item = find(session, item_id)
    case = cases.find(session, item.complaint_id)
    complaint = complaint_of(session, case)
    model, standing = model_answer(session, item), standing_answer(session, case)
    basis = ground(complaint, desk.policies.at(complaint.received_at), desk.taxonomy)
    hidden = hide(complaint.text)
    marks = [] if item.blind else marks_of(model)
    shown = complaint.text if revealed else hidden.text
    told = {h: label.get("model_code") or label["code"] for h, label in model["labels"].items()}
    rescored = item.suggestion is not None and not item.blind
    return Sight(
        item=item,
        case=case,
        complaint=complaint,
        pieces=tuple(pieces(shown, [*marks, *personal(hidden.findings)])),
        personal=tuple(dict.fromkeys(finding.kind for finding in hidden.findings)),
        heads=tuple(_heads(session, desk, item, model)),
        rules=() if item.blind else tuple(_rules(basis, model)),
        flags=() if item.blind else tuple(flag.name for flag in basis.flags),
        routing=None if item.blind else standing["routing"],
        deadlines=() if item.blind else tuple(dues(basis, standing)),
        past=() if item.blind else tuple(_past(session, complaint, item, told)),
        model=None if item.blind else model["versions"]["model"],
        older_model=standing["versions"]["model"] if rescored else None,
        floor=None if item.blind else basis.floor,
    )


def dues(basis: Ground, answer: Mapping[str, Any]) -> list[Due]:
    """The clocks of an answer, without extensions, which need an approval first."""
    allowed = limits(basis, basis.facts(codes(answer)))
    return [
        Due(
            clock=clock["clock"],
            name=clock["name"],
            due_at=datetime.fromisoformat(clock["due_at"]),
            limit=allowed.get(clock["clock"], ""),
            basis=clock["basis"],
            statutory=clock["statutory"],
        )
        for clock in answer["deadlines"]
        if not clock["extension"]
    ]


def _heads(
    session: Session, desk: Desk, item: ItemRow, model: Mapping[str, Any]
) -> list[HeadSight]:
    earlier = _opinions(session, item)
    return [
        _head(desk.taxonomy[name], label, item, earlier)
        for name, label in model["labels"].items()
        if name in desk.taxonomy
    ]


def _head(
    head: Head, label: Mapping[str, Any], item: ItemRow, earlier: Sequence[ItemRow]
) -> HeadSight:
    opinions = tuple(
        (one.submitted_by or "", code, head.by_code[code].name)
        for one in earlier
        if (code := str((one.labels or {}).get(head.name))) in head.by_code
    )
    code = label["code"]
    apart = len({code for _, code, _ in opinions}) > 1
    chosen = "" if item.blind or code not in head.leaf_index or apart else code
    if opinions and not apart:
        chosen = opinions[0][1]
    return HeadSight(
        name=head.name,
        title=head.title,
        kind=head.kind,
        chosen=chosen,
        suggested=None if item.blind else code,
        suggested_path="" if item.blind else path(head, code),
        share=None if item.blind else label["confidence"],
        backed_off=not item.blind and label["backed_off"],
        doubtful=apart or any(r.partition(":")[2] == head.name for r in _doubts(item)),
        by_rules=not item.blind and bool(label.get("rules")) and code != label.get("model_code"),
        candidates=_candidates(head, {} if item.blind else _offered(head, label, opinions)),
        opinions=opinions,
    )


def _doubts(item: ItemRow) -> list[str]:
    return [] if item.blind else list(item.reasons)


def _shares(head: Head, label: Mapping[str, Any]) -> dict[str, float]:
    """Leaves with their probabilities, the answer first."""
    said = label.get("model_code") or label["code"]
    first = {label["code"]: None} if label["code"] in head.leaf_index else {}
    found: dict[str, Any] = dict(first)
    found[said if said in head.leaf_index else label["leaf"]] = label["confidence"]
    if label["backed_off"]:
        # The probability given is that of the node above.
        found[label["leaf"]] = None
    for other in label["alternatives"]:
        found[other["code"]] = other["confidence"]
    return found


def _offered(
    head: Head, label: Mapping[str, Any], opinions: Sequence[tuple[str, str, str]]
) -> dict[str, float | None]:
    """What the model says; before it what earlier reviewers said, for whoever decides between."""
    shares = _shares(head, label)
    first = dict.fromkeys(code for _, code, _ in opinions if code in head.leaf_index)
    return {code: shares.get(code) for code in [*first, *shares]}


def _candidates(head: Head, shares: Mapping[str, float | None]) -> tuple[Candidate, ...]:
    listed = list(shares)
    if len(head.leaves) <= _FEW:
        listed = list(head.leaves)
    return tuple(
        Candidate(code, head.by_code[code].name, path(head, code), shares.get(code))
        for code in listed[:_FEW]
    )


def path(head: Head, code: str) -> str:
    """Names from the root down to what stands above the code; empty for a root."""
    return " / ".join(head.by_code[step].name for step in head.path(code)[:-1])


def _opinions(session: Session, item: ItemRow) -> list[ItemRow]:
    if item.round != ADJUDICATION:
        return []
    return [find(session, id_) for id_ in (item.first_id, item.second_id) if id_]


def _rules(basis: Ground, model: Mapping[str, Any]) -> list[Rule]:
    """Rules of the answer with what they found, in the words of the customer."""
    named = {rule.id: rule for rule in basis.policy.pack.rules.rules}
    found: dict[str, list[str]] = {}
    for label in model["labels"].values():
        for spot in label.get("rule_evidence", ()):
            found.setdefault(spot["rule"], []).append(spot["text"])
    return [
        Rule(
            name=named[rule].name if rule in named else rule,
            level=(named[rule].level or "") if rule in named else "",
            words=tuple(dict.fromkeys(hide(word).text for word in words)),
        )
        for rule, words in found.items()
    ]


def _past(
    session: Session, complaint: Complaint, item: ItemRow, told: Mapping[str, str]
) -> list[Past]:
    return past(session, item.complaint_id, complaint.text, told)
