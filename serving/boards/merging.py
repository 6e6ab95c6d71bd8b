"""Put facts together: parts that follow each other, or changed cases in place of old ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from serving.boards.facts import CODED, PLAIN, ClockFacts, Coded, Facts, Ints, join, nothing


def join_all(parts: Sequence[Facts]) -> Facts:
    """Parts whose ids ascend from one to the next, as one."""
    filled = [part for part in parts if len(part)]
    if len(filled) < 2:
        return filled[0] if filled else nothing()
    starts = np.cumsum([0, *(len(part) for part in filled)])
    clocks = [
        replace(part.clocks, row=part.clocks.row + start)
        for part, start in zip(filled, starts, strict=False)
    ]
    plain: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in filled]) for name in PLAIN
    }
    return Facts(
        ids=np.concatenate([part.ids for part in filled]),
        coded={name: _coded([part.coded[name] for part in filled]) for name in CODED},
        flags=_flags(filled),
        clocks=join_clocks(clocks),
        **plain,
    )


def replaced(facts: Facts, changed: Facts) -> Facts:
    """`facts` with the cases of `changed` in place of their earlier selves, new ones added."""
    if not len(changed):
        return facts
    kept = facts.take(changed.rows_of(facts.ids) < 0) if _any_known(facts, changed) else facts
    if len(kept) and kept.ids[-1] > changed.ids[0]:
        return _ordered(join_all([kept, changed]))
    return join_all([kept, changed])


def _any_known(facts: Facts, changed: Facts) -> bool:
    return bool((facts.rows_of(changed.ids) >= 0).any()) if len(facts) else False


def _ordered(facts: Facts) -> Facts:
    order = np.argsort(facts.ids, kind="stable")
    places: Ints = np.empty(len(order), dtype=np.int64)
    places[order] = np.arange(len(order))
    return replace(
        facts,
        ids=facts.ids[order],
        coded={name: column.take(order) for name, column in facts.coded.items()},
        flags={name: values[order] for name, values in facts.flags.items()},
        clocks=replace(facts.clocks, row=places[facts.clocks.row]),
        derived={},
        **{name: getattr(facts, name)[order] for name in PLAIN},
    )


def join_clocks(parts: Sequence[ClockFacts]) -> ClockFacts:
    """Clocks whose rows are positions in one and the same list of cases."""
    columns: dict[str, Any] = {}
    for field in fields(ClockFacts):
        values = [getattr(part, field.name) for part in parts]
        columns[field.name] = _coded(values) if field.name == "clock" else np.concatenate(values)
    return ClockFacts(**columns)


def _coded(parts: Sequence[Coded]) -> Coded:
    whole = parts[0]
    for part in parts[1:]:
        whole = join(whole, part)
    return whole


def _flags(parts: Sequence[Facts]) -> dict[str, Any]:
    codes = sorted({code for part in parts for code in part.flags})
    return {code: np.concatenate([part.flag(code) for part in parts]) for code in codes}
