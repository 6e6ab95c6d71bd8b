"""How far two labellings of the same texts agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.errors import InputError
from data.labelled import LabelledText
from data.taxonomy.schema import Taxonomy
from eval.metrics import kappa


@dataclass(frozen=True, slots=True)
class Agreement:
    """One head: share of texts labelled alike, kappa, and alike to within a second reading."""

    head: str
    n: int
    observed: float
    kappa: float
    lenient: float
    root: float
    differing: tuple[str, ...]


def agreement(
    first: Sequence[LabelledText], second: Sequence[LabelledText], taxonomy: Taxonomy
) -> dict[str, Agreement]:
    """Compare the texts that both label, by id. Raises InputError where there are none."""
    other: Mapping[str, LabelledText] = {item.id: item for item in second}
    both = [(item, other[item.id]) for item in first if item.id in other]
    if not both:
        raise InputError("expected at least one id in both files", field="id")
    return {
        head.name: _of_head(head.name, both, taxonomy)
        for head in taxonomy.heads
        if any(head.name in a.labels and head.name in b.labels for a, b in both)
    }


def _of_head(
    name: str, both: Sequence[tuple[LabelledText, LabelledText]], taxonomy: Taxonomy
) -> Agreement:
    head = taxonomy[name]
    pairs = [(a, b) for a, b in both if name in a.labels and name in b.labels]
    codes = [(a.labels[name], b.labels[name]) for a, b in pairs]
    n = len(codes)
    return Agreement(
        head=name,
        n=n,
        observed=sum(a == b for a, b in codes) / n,
        kappa=kappa([a for a, _ in codes], [b for _, b in codes]),
        lenient=sum(
            a.accepts(name, b.labels[name]) or b.accepts(name, a.labels[name]) for a, b in pairs
        )
        / n,
        root=sum(head.path(a)[0] == head.path(b)[0] for a, b in codes) / n,
        differing=tuple(a.id for (a, _), (x, y) in zip(pairs, codes, strict=True) if x != y),
    )
