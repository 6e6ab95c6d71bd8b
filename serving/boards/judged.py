"""What people said about the model's answers, as columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.boards.epoch import Seconds, epoch
from serving.boards.errors import GatheringError
from serving.boards.facts import Bools, Coded, Ints, join
from serving.store.tables import DecisionRow, LabelRecordRow

# Whose word counts on a board: people who review. Departments and customers are parties.
ROLES: Final = ("review", "adjudication")
_SUBJECTS_AT_ONCE: Final = 500


@dataclass(frozen=True, eq=False)
class Judged:
    """k label records about complaints, in their order; `claims` is how sure the model was, None
    where nobody has looked that up: it stands in the decisions, whose reading takes long.

    `inclusion` is the probability with which the text was drawn for a person to see, NaN where
    it was not drawn. `last` is the newest record's number.
    """

    subject: NDArray[np.bytes_]
    head: Coded
    code: Coded
    model_code: Coded
    who: Coded
    role: Coded
    bundle: Coded
    at: Seconds
    inclusion: NDArray[np.float64]
    claims: NDArray[np.float64] | None = None
    last: int = 0
    derived: dict[Any, Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.subject)

    @property
    def confidence(self) -> NDArray[np.float64]:
        """(k,) how sure the model was, NaN where it said nothing. Raises GatheringError."""
        if self.claims is None:
            raise GatheringError
        return self.claims

    def holding(self, head: str) -> Ints:
        """Positions of the last record of each complaint about a head."""
        if head not in self.derived:
            rows = np.flatnonzero(self.head.isin(frozenset({head})))
            newest_first = rows[::-1]
            _, first = np.unique(self.subject[newest_first], return_index=True)
            self.derived[head] = np.sort(newest_first[first])
        found: Ints = self.derived[head]
        return found

    def changed(self, rows: Ints) -> Bools:
        """(len(rows),) whether the person said otherwise than the model."""
        codes, said = np.array([*self.code.codes, ""]), np.array([*self.model_code.codes, ""])
        different: Bools = codes[self.code.values[rows]] != said[self.model_code.values[rows]]
        return different

    def cases(self, head: str, verdict: str) -> NDArray[np.bytes_]:
        """Complaints whose answer of a head was kept, changed or judged at all (any)."""
        rows = self.holding(head)
        rows = rows[self.model_code.values[rows] >= 0]
        if verdict != "any":
            rows = rows[self.changed(rows) == (verdict == "changed")]
        return self.subject[rows]

    @property
    def heads(self) -> tuple[str, ...]:
        """Heads that anybody judged."""
        return self.head.codes


def no_judgements() -> Judged:
    """Nobody said anything."""
    none = Coded((), np.zeros(0, dtype=np.int32))
    floats = np.zeros(0)
    ids, times = np.zeros(0, dtype="S26"), np.zeros(0, dtype=np.int64)
    return Judged(ids, none, none, none, none, none, none, times, floats, floats)


def read_judged(session: Session, after: int = 0, *, claims: bool = True) -> Judged:
    """The records behind number `after`; without `claims` these are left for `claimed`."""
    rows = (
        session.connection()
        .execute(
            select(
                LabelRecordRow.complaint_id,
                LabelRecordRow.head,
                LabelRecordRow.code,
                LabelRecordRow.model_code,
                LabelRecordRow.who,
                LabelRecordRow.role,
                LabelRecordRow.bundle,
                epoch(LabelRecordRow.decided_at),
                LabelRecordRow.inclusion,
                LabelRecordRow.id,
            )
            .where(
                LabelRecordRow.id > after,
                LabelRecordRow.complaint_id.is_not(None),
                LabelRecordRow.role.in_(ROLES),
            )
            .order_by(LabelRecordRow.id)
        )
        .all()
    )
    if not rows:
        return no_judgements()
    subject, head, code, said, who, role, bundle, at, inclusion, ids = zip(*rows, strict=True)
    found = Judged(
        subject=np.array([id_.encode() for id_ in subject], dtype="S26"),
        head=Coded.of(list(head)),
        code=Coded.of(list(code)),
        model_code=Coded.of(list(said)),
        who=Coded.of(list(who)),
        role=Coded.of(list(role)),
        bundle=Coded.of(list(bundle)),
        at=np.array(at, dtype=np.int64),
        inclusion=_floats(inclusion),
        last=int(ids[-1]),
    )
    return replace(found, claims=claimed(session, found)) if claims else found


def claimed(
    session: Session,
    judged: Judged,
    first: int = 0,
    *,
    between: Callable[[], None] = lambda: None,
) -> NDArray[np.float64]:
    """(k − first,) how sure the model was of what it said in each record from `first` on.

    `between` is called after each piece, and may raise to end it.
    """
    found = np.full(len(judged) - first, np.nan)
    subject = judged.subject[first:]
    order = np.argsort(subject, kind="stable")
    subjects, starts = np.unique(subject[order], return_index=True)
    edges = [*starts.tolist(), len(order)]
    for start in range(0, len(subjects), _SUBJECTS_AT_ONCE):
        few = subjects[start : start + _SUBJECTS_AT_ONCE]
        rows = order[edges[start] : edges[start + len(few)]]
        found[rows] = _looked_up(_claims(session, few, len(subjects)), judged, rows + first)
        between()
    return found


def _looked_up(
    claims: Mapping[tuple[bytes, str, str], float], judged: Judged, rows: Ints
) -> list[float]:
    heads, codes = judged.head.codes, (*judged.model_code.codes, "")
    keys = zip(
        judged.subject[rows].tolist(),
        [heads[value] for value in judged.head.values[rows].tolist()],
        [codes[value] for value in judged.model_code.values[rows].tolist()],
        strict=True,
    )
    return [claims.get(key, np.nan) for key in keys]


def _claims(
    session: Session, subjects: NDArray[np.bytes_], of: int
) -> dict[tuple[bytes, str, str], float]:
    """How sure the model was, by complaint, head and the code it gave, over all decisions."""
    ids = [id_.decode() for id_ in subjects.tolist()]
    query = select(DecisionRow.id, DecisionRow.complaint_id, DecisionRow.body)
    if of > len(ids):
        # Among very many a span of them is sooner found than each by its id.
        span = LabelRecordRow.complaint_id.between(ids[0], ids[-1])
        there = select(LabelRecordRow.complaint_id).where(span)
        query = query.where(
            DecisionRow.complaint_id.between(ids[0], ids[-1]), DecisionRow.complaint_id.in_(there)
        )
    else:
        query = query.where(DecisionRow.complaint_id.in_(ids))
    rows = session.connection().execute(query).all()
    found: dict[tuple[bytes, str, str], float] = {}
    for _, complaint_id, body in sorted(rows, key=lambda row: row[0], reverse=True):
        subject = complaint_id.encode()
        for head, label in _labels(body).items():
            code = label.get("model_code") or label.get("code")
            if label.get("confidence") is not None:
                found[subject, head, code] = float(label["confidence"])
    return found


def _labels(body: bytes) -> Mapping[str, Any]:
    labels = orjson.loads(body).get("labels") if body else None
    return labels if isinstance(labels, dict) else {}


def _floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def appended(judged: Judged, more: Judged) -> Judged:
    """Both, one after the other; with claims where both have them."""
    if not len(more):
        return judged
    columns: dict[str, Any] = {}
    for item in fields(Judged):
        a, b = getattr(judged, item.name), getattr(more, item.name)
        if isinstance(a, Coded):
            columns[item.name] = join(a, b)
        elif isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
            columns[item.name] = np.concatenate([a, b])
    return Judged(**columns, last=more.last)
