"""The slices of a suite: every single attribute measured, and the worst found by search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from data.taxonomy.schema import Taxonomy
from eval.significance import Measure, Resampling
from eval.slices import Attributes, Cut, Slice, SliceMeans, attributes, slices
from eval.slices_worst import worst
from eval.suite.answers import Answered
from eval.suite.config import Slices
from eval.suite.result import MetricResult, SliceResult, WorstSlice
from eval.weighted import Weights

Rights = Mapping[str, NDArray[np.float64]]


def attributes_of(
    answered: Sequence[Answered], taxonomy: Taxonomy, options: Slices
) -> list[Attributes]:
    """What every text can be sliced by."""
    cut = Cut(tuple(options.columns), tuple(options.lengths))
    return [
        attributes(each.item, each.text, each.prediction.unknown_rate, taxonomy, cut)
        for each in answered
    ]


def singles(texts: Sequence[Attributes], options: Slices) -> list[Slice]:
    """The slices by one attribute, by attribute and size."""
    found = slices(texts, min_texts=options.min_texts, max_values=options.max_values)
    return sorted(found, key=lambda cut: (cut.where[0][0], -len(cut.rows), cut.where))


def slice_measure(found: Sequence[Slice], rights: Rights) -> Measure:
    """The means of the columns in every slice, as "<slice number>/<metric>"."""
    means = {name: SliceMeans(found, right) for name, right in rights.items()}

    def measure(weights: Weights) -> dict[str, float]:
        return {
            f"{i}/{name}": float(value)
            for name, of in means.items()
            for i, value in enumerate(of(weights))
        }

    return measure


def slice_results(
    found: Sequence[Slice],
    metrics: Mapping[str, MetricResult],
    rights: Rights,
    ids: Sequence[str],
    examples: int,
) -> tuple[SliceResult, ...]:
    """`metrics` are named as by `slice_measure`; one that no text of a slice has is left out."""
    return tuple(
        SliceResult(
            where=dict(cut.where),
            n=len(cut.rows),
            metrics={
                name: replace(metrics[f"{i}/{name}"], name=name)
                for name in rights
                if f"{i}/{name}" in metrics
            },
            examples={name: _wrong(cut, right, ids, examples) for name, right in rights.items()},
        )
        for i, cut in enumerate(found)
    )


def worst_slices(
    texts: Sequence[Attributes],
    rights: Rights,
    ids: Sequence[str],
    resampling: Resampling,
    options: Slices,
    examples: int,
) -> tuple[WorstSlice, ...]:
    """The worst of all single attributes and pairs, `options.worst` for each metric."""
    found = slices(texts, min_texts=options.min_texts, max_values=options.max_values, pairs=True)
    return tuple(
        WorstSlice(
            where=dict(each.cut.where),
            n=len(each.cut.rows),
            metric=name,
            value=each.value,
            overall=each.overall,
            shortfall=each.figure,
            examples=_wrong(each.cut, right, ids, examples),
        )
        for name, right in rights.items()
        for each in worst(found, right, resampling, options.worst)
    )


def _wrong(
    cut: Slice, right: NDArray[np.float64], ids: Sequence[str], count: int
) -> tuple[str, ...]:
    return tuple(ids[int(row)] for row in cut.rows[right[cut.rows] == 0.0][:count])
