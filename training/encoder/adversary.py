"""Adversarial training on the word embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def fgm(network: nn.Module, length: float) -> Iterator[None]:
    """Within it, word embeddings stand `length` up their gradient (Miyato et al. 2017).

    Call after a backward pass; gradients of a second one made within it add to the first's.
    """
    words = network.encoder.get_input_embeddings().weight  # type: ignore[union-attr, operator, unused-ignore]
    before = words.detach().clone()
    norm = float(words.grad.norm()) if words.grad is not None else 0.0
    with torch.no_grad():
        if norm > 0:
            words.add_(words.grad, alpha=length / norm)
    try:
        yield
    finally:
        with torch.no_grad():
            words.copy_(before)
