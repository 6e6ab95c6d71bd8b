"""The loss of every head from its leaf logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax

from data.taxonomy.schema import Head, Taxonomy
from training.encoder.config import LossConfig
from training.encoder.targets import HeadTargets, membership

Logits = Mapping[str, Tensor]


def node_log_probabilities(logits: Tensor, covers: Tensor) -> Tensor:
    """Log probability of every node, (batch, nodes), from leaf logits (batch, leaves).

    `covers` (nodes, leaves) is boolean; a node's probability is the sum of its leaves', taken as
    a log-sum-exp so that unlikely nodes keep their gradient.
    """
    leaves = log_softmax(logits.float(), dim=-1)
    spread = leaves.unsqueeze(1).masked_fill(~covers, float("-inf"))
    return torch.logsumexp(spread, dim=-1)


def squared_emd(logits: Tensor, target: Tensor) -> Tensor:
    """Squared earth mover's distance of ordered labels, (batch,), both (batch, leaves).

    Mean squared difference of the two cumulative distributions (Hou, Yu & Samaras 2016,
    arXiv:1611.05916).
    """
    ahead = torch.cumsum(torch.softmax(logits.float(), dim=-1) - target, dim=-1)
    return (ahead[:, :-1] ** 2).mean(dim=-1)


@dataclass(frozen=True)
class _Head:
    covers: Tensor
    nodes: Tensor
    leaves: Tensor
    weight: Tensor
    ordinal: float
    share: float

    def loss(self, logits: Tensor, rows: Tensor) -> Tensor:
        log_p = node_log_probabilities(logits, self.covers)
        loss = -(self.nodes[rows] * log_p).sum(dim=-1)
        if self.ordinal:
            loss = loss + self.ordinal * squared_emd(logits, self.leaves[rows])
        return self.share * loss * self.weight[rows]


class GoldLoss:
    """The labels' loss for batches of one set of texts, addressed by their row in it."""

    def __init__(
        self, targets: Mapping[str, HeadTargets], taxonomy: Taxonomy, config: LossConfig
    ) -> None:
        self._heads = {h.name: _prepare(h, targets[h.name], config) for h in taxonomy.heads}

    def __call__(self, logits: Logits, rows: Tensor) -> Tensor:
        """Loss per text, (batch,); a head without a label adds nothing."""
        parts = [head.loss(logits[name], rows) for name, head in self._heads.items()]
        return torch.stack(parts).sum(dim=0)


def _prepare(head: Head, targets: HeadTargets, config: LossConfig) -> _Head:
    return _Head(
        covers=torch.from_numpy(membership(head)),
        nodes=torch.from_numpy(targets.nodes),
        leaves=torch.from_numpy(targets.leaves),
        weight=torch.from_numpy(targets.weight),
        ordinal=config.ordinal if head.kind == "ordinal" else 0.0,
        share=config.heads.get(head.name, 1.0),
    )


def divergence(student: Logits, teacher: Logits, temperature: float = 1.0) -> Tensor:
    """KL(teacher ‖ student) per text summed over heads, times T² (Hinton et al. 2015), (batch,)."""
    parts = [
        kl_div(
            log_softmax(student[name].float() / temperature, dim=-1),
            log_softmax(teacher[name].float() / temperature, dim=-1),
            log_target=True,
            reduction="none",
        ).sum(dim=-1)
        for name in student
    ]
    return torch.stack(parts).sum(dim=0) * temperature**2


def rdrop(forward: Callable[[], Logits], gold: Callable[[Logits], Tensor], weight: float) -> Tensor:
    """Two passes with different dropout that must agree (R-Drop, arXiv:2106.14448), (batch,)."""
    first, second = forward(), forward()
    apart = 0.5 * (divergence(first, second) + divergence(second, first))
    return 0.5 * (gold(first) + gold(second)) + weight * apart
