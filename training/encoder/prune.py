"""Structured pruning: which attention heads and feed-forward neurons a trained network needs.

A unit's importance is what the loss would change by without it, to first order: the gradient
times the activation, summed over a text's tokens, its size averaged over texts (Michel et al.,
arXiv:1905.10650, for heads; Molchanov et al., arXiv:1611.06440, for neurons). Every layer keeps as
many, its most important ones, and the network is taught on afterwards.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from data.errors import InputError
from model.encoder.narrow import Units, keep_units
from model.encoder.network import EncoderNetwork
from training.encoder.layers import layers_of
from training.encoder.texts import Batch


@dataclass(frozen=True, slots=True)
class Importance:
    """Of one layer's units: `heads` (heads,) and `neurons` (neurons,)."""

    heads: Tensor
    neurons: Tensor


def pruned(
    network: EncoderNetwork, importance: Iterable[Importance], heads: int, neurons: int
) -> EncoderNetwork:
    """A copy with so many heads and neurons a layer; 0 keeps all.

    Raises InputError where a layer has fewer than asked for.
    """
    smaller = copy.deepcopy(network)
    units = [
        Units(_best(each.heads, heads, "heads"), _best(each.neurons, neurons, "feed_forward"))
        for each in importance
    ]
    keep_units(smaller.encoder, units)
    return smaller


def _best(importance: Tensor, count: int, key: str) -> list[int]:
    if count > len(importance):
        raise InputError(f"expected at most {len(importance)}, got {count}", field=f"prune.{key}")
    order = importance.argsort(descending=True)[: count or None]
    return sorted(int(unit) for unit in order)


def importance_of(
    network: EncoderNetwork, batches: Iterable[Batch], loss: Callable[[Batch], Tensor]
) -> list[Importance]:
    """Each layer's units by the batches' `loss`, (batch,), without noise or dropout."""
    watched = [_Watched(layer) for layer in layers_of(network.encoder)]
    training = network.training
    network.eval()
    try:
        for batch in batches:
            torch.autograd.backward(loss(batch).sum())
            for layer in watched:
                layer.count()
            network.zero_grad(set_to_none=True)
    finally:
        network.train(training)
        for layer in watched:
            layer.leave()
    return [layer.importance for layer in watched]


class _Watched:
    """One layer, and what its two output matrices read."""

    def __init__(self, layer: Any) -> None:
        inner = layer.attention.self
        self._heads, self._size = int(inner.num_attention_heads), int(inner.attention_head_size)
        self.importance = Importance(
            torch.zeros(self._heads), torch.zeros(int(layer.output.dense.in_features))
        )
        self._read: dict[str, Tensor] = {}
        self._hooks = [
            self._watch("heads", layer.attention.output.dense),
            self._watch("neurons", layer.output.dense),
        ]

    def _watch(self, name: str, matrix: nn.Linear) -> Any:
        def keep(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            inputs[0].retain_grad()
            self._read[name] = inputs[0]

        return matrix.register_forward_pre_hook(keep)

    def count(self) -> None:
        """Add the last batch's share."""
        for name, value in self._read.items():
            assert value.grad is not None  # noqa: S101
            each = (value.detach() * value.grad).sum(dim=1).float()
            if name == "heads":
                each = each.view(-1, self._heads, self._size).sum(dim=2)
            getattr(self.importance, name).add_(each.abs().sum(dim=0))
        self._read.clear()

    def leave(self) -> None:
        """Take the hooks away."""
        for hook in self._hooks:
            hook.remove()
