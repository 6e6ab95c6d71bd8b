"""What a changed policy would have made of past complaints: the policy alone differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from data.errors import SudaError
from data.records import Complaint
from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText, normalise
from model.classifier import Classifier, Prediction
from serving.triage.decide import decide
from serving.triage.policy import Policy, PolicySet
from serving.triage.types import Decision, Party


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs, as codes: `field` is urgency, lead, assisting, investigator, copies,
    flags, review, or deadlines and the clock's id after a colon.
    """

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Changed:
    """A complaint that would be decided otherwise."""

    complaint_id: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """`total` complaints decided twice; those that differ, and how many differ in what.

    `failed` are ids that could not be decided. `before` and `after` are the policies' stamps.
    """

    before: tuple[str, ...]
    after: str
    total: int
    changed: tuple[Changed, ...]
    fields: Mapping[str, int]
    moves: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    failed: tuple[str, ...] = ()

    def summary(self) -> dict[str, Any]:
        """The counts, to be kept with an activation."""
        return {
            "before": list(self.before),
            "after": self.after,
            "total": self.total,
            "changed": len(self.changed),
            "fields": dict(self.fields),
            "moves": {name: dict(moves) for name, moves in self.moves.items()},
            "failed": len(self.failed),
        }


def replay(
    complaints: Iterable[tuple[str, Complaint]],
    classifier: Classifier,
    taxonomy: Taxonomy,
    before: PolicySet,
    after: PolicySet,
) -> Replay:
    """Decide each complaint by the policy that held then, and by the newest of `after`.

    Both read the same prediction of `classifier`, so what differs is the policy's doing; what
    people decided meanwhile plays no part.
    """
    new = after.policies[-1]
    total, failed, stamps = 0, [], dict[str, None]()
    changed: list[Changed] = []
    for complaint_id, complaint in complaints:
        total += 1
        old = before.at(complaint.received_at)
        stamps[old.stamp] = None
        text = normalise(complaint.text)
        if not text.text:
            failed.append(complaint_id)
            continue
        try:
            prediction = classifier.predict(text)
            changes = _changes(complaint, text, prediction, old, new, taxonomy)
        except SudaError:
            failed.append(complaint_id)
            continue
        if changes:
            changed.append(Changed(complaint_id, changes))
    return Replay(
        tuple(stamps),
        new.stamp,
        total,
        tuple(changed),
        _counted(changed),
        _moves(changed),
        tuple(failed),
    )


def _changes(
    complaint: Complaint,
    text: NormalisedText,
    prediction: Prediction,
    old: Policy,
    new: Policy,
    taxonomy: Taxonomy,
) -> tuple[Change, ...]:
    facts = [_facts(decide(complaint, text, prediction, policy, taxonomy)) for policy in (old, new)]
    names = dict.fromkeys([*facts[0], *facts[1]])
    return tuple(
        Change(name, facts[0].get(name), facts[1].get(name))
        for name in names
        if facts[0].get(name) != facts[1].get(name)
    )


def _facts(decision: Decision) -> dict[str, str | None]:
    routing = decision.routing
    return {
        "urgency": decision.urgency.code if decision.urgency else None,
        "lead": routing.lead.code,
        "assisting": _codes(routing.assisting),
        "investigator": routing.investigator.code if routing.investigator else None,
        "copies": _codes(routing.copies),
        "branch": routing.branch,
        "flags": ", ".join(flag.code for flag in decision.flags) or None,
        "review": ", ".join(decision.review.reasons) or None,
        **{f"deadlines:{one.clock}": one.due_at.isoformat() for one in decision.deadlines},
    }


def _codes(parties: Iterable[Party]) -> str | None:
    return ", ".join(party.code for party in parties) or None


def _counted(changed: Iterable[Changed]) -> dict[str, int]:
    """Complaints by what differs; all clocks together count as `deadlines` too."""
    counts = Counter[str]()
    for one in changed:
        names = {change.field for change in one.changes}
        if any(name.startswith("deadlines:") for name in names):
            names.add("deadlines")
        counts.update(names)
    return dict(counts.most_common())


def _moves(changed: Iterable[Changed]) -> dict[str, dict[str, int]]:
    """From where to where, for what takes one value of a few."""
    counts: dict[str, Counter[str]] = {}
    for one in changed:
        for change in one.changes:
            if change.field in ("urgency", "lead", "investigator"):
                move = f"{change.before or '—'} → {change.after or '—'}"
                counts.setdefault(change.field, Counter())[move] += 1
    return {name: dict(found.most_common()) for name, found in counts.items()}
