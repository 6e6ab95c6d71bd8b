"""Calibrate every head of a taxonomy on held-out texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from data.errors import BundleError
from data.labelled import LabelledText
from data.taxonomy.schema import Head, Taxonomy
from model import bundle, calibrate
from model.classifier import Floats


def calibrated_heads(
    taxonomy: Taxonomy,
    logits: Mapping[str, Floats],
    texts: Sequence[LabelledText],
    promise: calibrate.Promise,
) -> dict[str, bundle.HeadManifest]:
    """Temperature and thresholds of each head from logits, (texts, leaves), in order of `texts`.

    Raises BundleError naming a head that no text is labelled for.
    """
    heads = {}
    for head in taxonomy.heads:
        rows, gold = _gold(head, texts)
        if not rows:
            raise BundleError("no held-out text carries a leaf of it", field=head.name)
        accepted = [texts[row].readings(head.name) for row in rows]
        fitted = calibrate.fit(
            head, logits[head.name][rows], np.array(gold), promise, accepted=accepted
        )
        heads[head.name] = bundle.HeadManifest.of(head, fitted)
    return heads


def _gold(head: Head, texts: Sequence[LabelledText]) -> tuple[list[int], list[int]]:
    """Rows whose label is a leaf of the head, and the leaves' columns."""
    found = [
        (row, head.leaf_index[item.labels[head.name]])
        for row, item in enumerate(texts)
        if item.labels.get(head.name) in head.leaf_index
    ]
    return [row for row, _ in found], [column for _, column in found]
