"""Labels as weights on the nodes of each head: what the loss multiplies log probabilities with.

One matrix says everything about a head: second readings, smoothing, labels that are inner nodes,
and the extra weight of the ancestors in a tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.labelled import LabelledText
from data.taxonomy.schema import Head, Taxonomy
from training.encoder.config import LossConfig

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class HeadTargets:
    """One head's targets for n texts.

    `nodes` (n, nodes) weighs the negative log probability of each node, in `Head.labels` order;
    `leaves` (n, leaves) is the same label as a distribution without ancestors, for ordered heads
    and divergences; `weight` (n,) is the class weight, 0 where a text has no label; `gold` (n,)
    is the leaf's column or -1.
    """

    nodes: Floats
    leaves: Floats
    weight: Floats
    gold: NDArray[np.int64]


def membership(head: Head) -> NDArray[np.bool_]:
    """Which leaves each node covers, (nodes, leaves), in `Head.labels` order."""
    table = np.zeros((len(head.labels), len(head.leaves)), dtype=bool)
    for row, label in enumerate(head.labels):
        table[row, list(head.leaves_under[label.code])] = True
    return table


def targets(
    texts: Sequence[LabelledText], taxonomy: Taxonomy, config: LossConfig
) -> dict[str, HeadTargets]:
    """Targets of every head of the taxonomy."""
    return {head.name: head_targets(head, texts, config) for head in taxonomy.heads}


def head_targets(head: Head, texts: Sequence[LabelledText], config: LossConfig) -> HeadTargets:
    """Targets of one head."""
    direct = np.stack([_direct(head, item, config.alternatives) for item in texts])
    labelled = direct.sum(axis=1) > 0
    smooth = np.where(labelled[:, None], config.smoothing, 0.0) * _even(head)
    soft = (1.0 - config.smoothing) * direct + smooth
    return HeadTargets(
        nodes=np.asarray(soft + config.parents * _above(head, soft), dtype=np.float32),
        leaves=np.asarray(_on_leaves(head, soft), dtype=np.float32),
        weight=_class_weights(direct, config.balance),
        gold=np.array(
            [head.leaf_index.get(item.labels.get(head.name, ""), -1) for item in texts],
            dtype=np.int64,
        ),
    )


def _direct(head: Head, item: LabelledText, alternatives: float) -> NDArray[np.float64]:
    """The label's weight on its node, the second readings' on theirs: sums to one, or to zero."""
    row = np.zeros(len(head.labels))
    label = item.labels.get(head.name)
    if label is None:
        return row
    places = {node.code: i for i, node in enumerate(head.labels)}
    others = item.alternatives.get(head.name, ())
    spare = alternatives if others else 0.0
    row[places[label]] += 1.0 - spare
    for code in others:
        row[places[code]] += spare / len(others)
    return row


def _even(head: Head) -> NDArray[np.float64]:
    leaf = np.array([label.code in head.leaf_index for label in head.labels], dtype=float)
    return np.asarray(leaf / leaf.sum())


def _above(head: Head, soft: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each text's weight on the proper ancestors of its nodes; one in total per tree."""
    levels = max(head.depth - 1, 1)
    places = {node.code: i for i, node in enumerate(head.labels)}
    lift = np.zeros((len(head.labels), len(head.labels)))
    for row, label in enumerate(head.labels):
        for ancestor in head.path(label.code)[:-1]:
            lift[row, places[ancestor]] = 1.0 / levels
    return np.asarray(soft @ lift)


def _on_leaves(head: Head, soft: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights on inner nodes spread evenly over their leaves."""
    table = membership(head).astype(float)
    return np.asarray(soft @ (table / table.sum(axis=1, keepdims=True)))


def _class_weights(direct: NDArray[np.float64], balance: float) -> Floats:
    """(mean count / count of the label) ** balance, so that the mean weight is about one."""
    counts = direct.sum(axis=0)
    present = counts > 0
    if not present.any():
        return np.zeros(len(direct), dtype=np.float32)
    scale = np.zeros_like(counts)
    scale[present] = (counts[present].mean() / counts[present]) ** balance
    weights = direct @ scale
    used = weights > 0
    return np.asarray(weights / weights[used].mean(), dtype=np.float32)
