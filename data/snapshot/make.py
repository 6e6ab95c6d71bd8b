"""Make a snapshot: base texts plus what people decided, without anything that evaluates."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.errors import InputError
from data.labelled import LabelledText
from data.pii.mask import mask
from data.snapshot.heldout import Heldout, fingerprint, held_texts
from data.snapshot.merge import Merged, merge
from data.snapshot.record import TRAINABLE, Feedback, Role
from data.snapshot.sides import beside
from data.snapshot.store import FORMAT, Decided, Excluded, Manifest, Snapshot, encode, write
from data.splits import assign, split_of
from data.taxonomy.schema import Taxonomy

HELD_OUT = "held out"
REPLACED = "replaced by newer labels"
BASE_TEST = "base-test"
"""Name of the held-out set that the base's own test split makes."""


@dataclass(frozen=True, slots=True)
class Options:
    """`roles` are those whose records teach. `mask_base` hides personal data in base texts too;
    only texts known to hold none (the shipped corpus, an earlier snapshot) go without.
    """

    roles: Collection[Role] = TRAINABLE
    mask_base: bool = True


def make(
    records: Sequence[Feedback],
    base: Sequence[LabelledText],
    heldout: Heldout,
    target: Path,
    *,
    taxonomy: Taxonomy,
    parent: Snapshot | None = None,
    now: datetime | None = None,
    options: Options | None = None,
) -> Snapshot:
    """Write the snapshot under the directory `target` and return it; the same content has one id.

    `base` is what people have labelled before (each text keeps the split written for it, else gets
    the one its group has by `data.splits`); its test split is frozen. Feedback trains or tunes,
    never tests; where it has the id or the words of a base text it takes that text's place. What
    repeats a held-out text is left out, whether base or feedback. `parent` is the snapshot that
    `base` came from: its lineage is carried on.

    Raises InputError where nothing is left to train on.
    """
    options = options or Options()
    placed = [_with_split(item) for item in base]
    tests = [item for item in placed if split_of(item) == "test"]
    heldout = heldout.joined(held_texts(BASE_TEST, tests))
    merged, unfit = merge(records, taxonomy, options.roles)
    merged, repeated = _not_held(merged, heldout, {item.id for item in tests})
    kept, replaced, dropped = _base(placed, merged, heldout)
    sided, torn = beside(merged, kept, replaced)
    before = parent.manifest.lineage if parent else {}
    lineage = _lineage(merged, sided, replaced, before)
    lineage |= {item.id: dict(before[item.id]) for item in kept if item.id in before}
    excluded = sorted([*unfit, *repeated, *dropped, *torn], key=lambda e: (e.origin, e.id))
    texts = [*(_masked(item) if options.mask_base else item for item in kept)]
    texts += [_masked(item) for item in sided]
    return _write(target, taxonomy, parent, heldout, texts, excluded, lineage, now)


def _with_split(item: LabelledText) -> LabelledText:
    return replace(item, meta={**item.meta, "split": split_of(item) or assign(item)})


def _masked(item: LabelledText) -> LabelledText:
    return replace(item, text=mask(item.text).text)


def _not_held(
    merged: Sequence[Merged], heldout: Heldout, tests: Collection[str]
) -> tuple[list[Merged], list[Excluded]]:
    kept, excluded = [], []
    for item in merged:
        of = next((f"{BASE_TEST}/{subject}" for subject in item.subjects if subject in tests), None)
        if of is None and (match := heldout.match(item.text)) is not None:
            of = match.name_and_id
        if of is None:
            kept.append(item)
        else:
            excluded.append(Excluded(id=item.id, origin="feedback", reason=HELD_OUT, of=of))
    return kept, excluded


def _base(
    base: Sequence[LabelledText], merged: Sequence[Merged], heldout: Heldout
) -> tuple[list[LabelledText], dict[str, LabelledText], list[Excluded]]:
    """The base texts that stay, those that feedback replaces (by its id), and what was left out."""
    newer = {subject: item.id for item in merged for subject in item.subjects}
    words = {fingerprint(item.text): item.id for item in merged}
    kept: list[LabelledText] = []
    replaced: dict[str, LabelledText] = {}
    dropped: list[Excluded] = []
    for item in base:
        if split_of(item) == "test":
            kept.append(item)
        elif (by := newer.get(item.id) or words.get(fingerprint(item.text))) is not None:
            replaced.setdefault(by, item)
            dropped.append(Excluded(id=item.id, origin="base", reason=REPLACED, of=by))
        elif (match := heldout.match(item.text)) is not None:
            of = match.name_and_id
            dropped.append(Excluded(id=item.id, origin="base", reason=HELD_OUT, of=of))
        else:
            kept.append(item)
    return kept, replaced, dropped


def _lineage(
    merged: Sequence[Merged],
    kept: Sequence[LabelledText],
    replaced: Mapping[str, LabelledText],
    before: Mapping[str, Mapping[str, Decided]],
) -> dict[str, dict[str, Decided]]:
    """Per text of feedback its deciding records; heads it says nothing on keep their earlier."""
    ids = {item.id for item in kept}
    found = {}
    for item in merged:
        if item.id in ids:
            old = before.get(replaced[item.id].id, {}) if item.id in replaced else {}
            decided = {
                head: Decided.of(record, contested=head in item.contested)
                for head, record in item.holding.items()
            }
            found[item.id] = {**old, **decided}
    return found


def _row(item: LabelledText, origin: str) -> dict[str, Any]:
    alternatives = {f"alt_{head}": list(codes) for head, codes in item.alternatives.items()}
    named = {"id": item.id, "text": item.text, "origin": origin}
    return {**item.meta, **item.labels, **alternatives, **named}


def _write(
    target: Path,
    taxonomy: Taxonomy,
    parent: Snapshot | None,
    heldout: Heldout,
    texts: Sequence[LabelledText],
    excluded: Sequence[Excluded],
    lineage: Mapping[str, dict[str, Decided]],
    now: datetime | None,
) -> Snapshot:
    rows = [_row(item, "feedback" if item.id in lineage else "base") for item in texts]
    counts = Counter(str(row[column]) for row in rows for column in ("split", "origin"))
    if not counts["train"]:
        raise InputError("expected at least one text to train on", field="snapshot")
    content = encode(rows)
    draft = Manifest(
        format=FORMAT,
        id="",
        created_at=now or datetime.now(UTC),
        taxonomy=taxonomy.stamp,
        parent=parent.id if parent else None,
        rows=hashlib.sha256(content).hexdigest(),
        counts={"texts": len(rows), **dict(sorted(counts.items()))},
        labels={
            head.name: dict(sorted(Counter(r[head.name] for r in rows if head.name in r).items()))
            for head in taxonomy.heads
        },
        heldout=heldout.describe(),
        excluded=list(excluded),
        lineage=dict(sorted(lineage.items())),
    )
    return write(target, draft.model_copy(update={"id": draft.address()}), content)
