"""How a run begins: its snapshot, its name, and the champion it is measured by."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from data.errors import ConflictError, InputError
from data.labelled import LabelledText, load_labelled
from data.snapshot.heldout import Heldout, check_frozen, held_texts, registered
from data.snapshot.make import Options, make
from data.snapshot.record import Feedback
from data.snapshot.store import Snapshot, is_snapshot, load
from data.splits import partition
from data.taxonomy.schema import Taxonomy
from model import bundle
from model.registry.registry import Registry
from model.registry.resolve import answers, seed
from training.retrain.plan import RetrainPlan
from training.retrain.steps import digest, tree_digest

if sys.platform != "win32":
    import fcntl


@dataclass(frozen=True, slots=True)
class Start:
    """What was so when the run began, and stays so for it however often it is taken up again.

    `checkpoint` is what the champion was exported from, where that still exists.
    """

    created_at: datetime
    kind: str
    champion: str | None
    checkpoint: Path | None

    def as_json(self) -> dict[str, Any]:
        """As a step keeps it."""
        return {
            "created_at": self.created_at.isoformat(),
            "kind": self.kind,
            "champion": self.champion,
            "checkpoint": str(self.checkpoint) if self.checkpoint else None,
        }

    @classmethod
    def from_json(cls, values: Any) -> Start:
        """As a step kept it."""
        checkpoint = values["checkpoint"]
        return cls(
            created_at=datetime.fromisoformat(values["created_at"]),
            kind=values["kind"],
            champion=values["champion"],
            checkpoint=Path(checkpoint) if checkpoint else None,
        )


def begin(
    plan: RetrainPlan, store: Registry, taxonomy: Taxonomy, clock: Callable[[], datetime]
) -> Start:
    """Look at the registry, and give an empty one its first champion.

    Raises InputError where the champion answers other labels than the data has.
    """
    champion = seed(store, taxonomy, who=plan.who)
    if champion is None:
        return Start(clock(), plan.kind or "linear", None, None)
    path = store.bundle_of(champion)
    if not answers(path, taxonomy):
        raise InputError(
            f"its champion {champion} answers other labels than {taxonomy.stamp}: one registry is "
            "for one set of labels, name another",
            field=str(plan.registry),
        )
    named = store.state().versions[champion].details.get("checkpoint")
    checkpoint = Path(named) if named and Path(named).is_dir() else None
    kind = plan.kind or bundle.read(path)[0].kind
    return Start(clock(), kind, champion, checkpoint if plan.warm else None)


def snapshot_of(
    plan: RetrainPlan, feedback: Sequence[Feedback], taxonomy: Taxonomy
) -> tuple[Snapshot, list[LabelledText]]:
    """The snapshot to train on, and the cases to judge by; what judges is kept out of training.

    Making the same snapshot again changes nothing.
    """
    outside = load_labelled(plan.cases, taxonomy) if plan.cases else []
    if is_snapshot(plan.data) and not feedback and not outside:
        snapshot = load(plan.data)
    else:
        parent = load(plan.data) if is_snapshot(plan.data) else None
        base = parent.texts(taxonomy) if parent else load_labelled(plan.data, taxonomy)
        if parent is None:
            check_frozen(plan.data, base)
        held = Heldout(registered(plan.heldout)).joined(held_texts("cases", outside))
        options = Options(mask_base=parent is None and not plan.masked)
        snapshot = make(
            feedback, base, held, plan.snapshots, taxonomy=taxonomy, parent=parent, options=options
        )
    cases = outside or partition(snapshot.texts(taxonomy))["test"]
    if not cases:
        raise InputError("expected texts in the test split, or cases", field=str(plan.data))
    return snapshot, cases


def run_name(plan: RetrainPlan, snapshot: Snapshot, taxonomy: Taxonomy) -> str:
    """Named by what goes in, so that the same command takes up the same run."""
    inputs = {
        "snapshot": snapshot.id,
        "taxonomy": taxonomy.sha256,
        "kind": plan.kind,
        "warm": plan.warm,
        "config": tree_digest(plan.config) if plan.config else None,
        "cases": tree_digest(plan.cases) if plan.cases else None,
    }
    return plan.name or f"retrain-{digest(inputs)[:12]}"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process a run. Raises ConflictError where another is at it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        if sys.platform != "win32":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConflictError("another process is at this run", field=str(folder)) from error
        yield
