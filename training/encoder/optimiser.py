"""AdamW with a rate per layer, and the schedule."""

from __future__ import annotations

import re
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from training.encoder.config import OptimiserConfig

_LAYER = re.compile(r"^encoder\.encoder\.layer\.(\d+)\.")
Groups = list[dict[str, object]]


def groups(network: nn.Module, depth: int, config: OptimiserConfig) -> Groups:
    """Parameter groups with `rate` (the peak) and `weight_decay`.

    Layer k of n trains at rate * layer_decay ** (n - 1 - k), the embeddings one step below the
    first layer, everything outside the encoder at `head_rate`. Biases and norms do not decay.
    """
    named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    sorted_out: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in named:
        decay = config.weight_decay if parameter.ndim > 1 else 0.0
        key = (peak_rate(name, depth, config), decay)
        sorted_out.setdefault(key, []).append(parameter)
    return [
        {"params": parameters, "lr": rate, "rate": rate, "weight_decay": decay}
        for (rate, decay), parameters in sorted_out.items()
    ]


def peak_rate(name: str, depth: int, config: OptimiserConfig) -> float:
    """The highest rate of the parameter `name`."""
    if not name.startswith("encoder."):
        return config.head_rate
    found = _LAYER.match(name)
    if found:
        return config.rate * config.layer_decay ** (depth - 1 - int(found.group(1)))
    if name.startswith("encoder.embeddings."):
        return config.rate * config.layer_decay**depth
    return config.rate


def adamw(parameters: Groups) -> torch.optim.AdamW:
    """The optimiser; fused, which on a processor saves a pass over the weights per moment."""
    return torch.optim.AdamW(parameters, betas=(0.9, 0.98), eps=1e-6, fused=True)


def factor(step: int, steps: int, warmup: float) -> float:
    """Share of the peak rate at `step` of `steps`: linear up over `warmup`, linear down to zero."""
    rise = max(1.0, warmup * steps)
    if step < rise:
        return (step + 1) / (rise + 1)
    return max(0.0, (steps - step) / max(1.0, steps - rise))


def set_rates(optimiser: torch.optim.Optimizer, share: float) -> None:
    """Set every group to `share` of its peak."""
    for group in optimiser.param_groups:
        group["lr"] = group["rate"] * share


def clip(parameters: Iterable[Tensor], largest: float) -> float:
    """Scale gradients down to a norm of `largest`; the norm before."""
    return float(nn.utils.clip_grad_norm_(list(parameters), largest))
