"""Fit new heads on the frozen encoder before anything else moves.

Random heads bend a small pretrained encoder out of shape before they point anywhere (Kumar et al.
2022, arXiv:2202.10054). Sentence vectors of contrastive encoders also lie in a narrow cone, where
a linear layer of the usual size and rate needs epochs to find its scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from model.encoder.network import EncoderNetwork
from training.encoder.config import BatchConfig
from training.encoder.precision import Choice, autocast
from training.encoder.targets import HeadTargets
from training.encoder.texts import Ids, collate

# Of the logistic regression: sum of losses against half the squared norm of the weights.
_STRENGTH = 0.02
_LEAST_SPREAD = 1e-4


def pooled_of(
    network: EncoderNetwork, ids: Sequence[Ids], *, pad: int, batch: BatchConfig, bf16: Choice
) -> Tensor:
    """Pooled vectors of all texts from the network as it stands, (texts, hidden)."""
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
    network.eval()
    with torch.inference_mode(), autocast(bf16):
        parts = []
        for start in range(0, len(order), batch.texts):
            made = collate(ids, order[start : start + batch.texts], pad)
            parts.append(network(made.ids, made.mask).pooled.float())
    pooled = torch.cat(parts)
    return pooled[torch.argsort(torch.tensor(order))].clone()


def fit_heads(
    network: EncoderNetwork, pooled: Tensor, targets: Mapping[str, HeadTargets], steps: int
) -> None:
    """Set every head that has labels to a logistic regression on standardised `pooled`.

    The standardisation is folded into the head's weight and bias. At most `steps` L-BFGS steps.
    """
    mean, spread = pooled.mean(dim=0), pooled.std(dim=0).clamp_min(_LEAST_SPREAD)
    for name, head in network.heads.items():
        if not targets[name].weight.any():
            continue
        weight, bias = _regress((pooled - mean) / spread, targets[name], steps)
        _set(head, weight / spread, bias - weight @ (mean / spread))


def _regress(x: Tensor, targets: HeadTargets, steps: int) -> tuple[Tensor, Tensor]:
    gold, share = torch.from_numpy(targets.leaves), torch.from_numpy(targets.weight)
    rows = share > 0
    x, gold, share = x[rows], gold[rows], share[rows]
    weight = torch.zeros(gold.shape[1], x.shape[1], requires_grad=True)
    bias = torch.zeros(gold.shape[1], requires_grad=True)
    solver = torch.optim.LBFGS([weight, bias], max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        solver.zero_grad()
        loss = -(gold * log_softmax(x @ weight.T + bias, dim=-1)).sum(dim=-1) * share
        total = loss.mean() + (weight**2).sum() / (2 * _STRENGTH * len(x))
        torch.autograd.backward(total)
        return total

    solver.step(closure)  # type: ignore[no-untyped-call, arg-type, unused-ignore]
    return weight.detach(), bias.detach()


def _set(head: nn.Module, weight: Tensor, bias: Tensor) -> None:
    with torch.no_grad():
        head.get_parameter("weight").copy_(weight)
        head.get_parameter("bias").copy_(bias)
