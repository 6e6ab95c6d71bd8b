"""Encoders whose layers lost attention heads and feed-forward neurons (training.encoder.prune).

transformers builds every layer with as many heads as fill the hidden state, so that a checkpoint
with fewer is built whole, cut to the widths in its configuration, and filled then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedModel

# How many heads a layer has left; absent where it has all.
KEPT_HEADS = "kept_heads"
_WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True)
class Units:
    """What stays of one layer: numbers of attention heads and of feed-forward neurons."""

    heads: Sequence[int]
    neurons: Sequence[int]


def open_narrow(path: Path | str, **options: Any) -> PreTrainedModel:
    """The checkpoint at `path`, cut or whole. `options` are those of `from_pretrained`.

    Raises OSError where there is no checkpoint.
    """
    config = AutoConfig.from_pretrained(path)
    heads = getattr(config, KEPT_HEADS, None)
    if heads is None:
        return AutoModel.from_pretrained(path, **options)  # type: ignore[no-any-return, unused-ignore]
    attention = options.pop("attn_implementation", None)
    for name, value in options.items():
        setattr(config, name, value)
    encoder: PreTrainedModel = AutoModel.from_config(config)  # type: ignore[no-untyped-call, unused-ignore]
    first = Units(range(int(heads)), range(int(config.intermediate_size)))
    keep_units(encoder, [first] * int(config.num_hidden_layers))
    encoder.load_state_dict(load_file(Path(path) / _WEIGHTS))
    if attention is not None:
        encoder.set_attn_implementation(attention)
    encoder.eval()  # type: ignore[no-untyped-call, unused-ignore]
    return encoder


def keep_units(encoder: PreTrainedModel, units: Sequence[Units]) -> None:
    """Cut a BERT-like encoder to `units`, one for each layer and all of one size."""
    stack: Any = encoder.encoder
    for layer, kept in zip(stack.layer, units, strict=True):
        inner = layer.attention.self
        size = int(inner.attention_head_size)
        rows = _rows(kept.heads, size)
        for name in ("query", "key", "value"):
            setattr(inner, name, _cut(getattr(inner, name), rows=rows))
        layer.attention.output.dense = _cut(layer.attention.output.dense, columns=rows)
        inner.num_attention_heads, inner.all_head_size = len(kept.heads), len(rows)
        neurons = torch.tensor(list(kept.neurons))
        layer.intermediate.dense = _cut(layer.intermediate.dense, rows=neurons)
        layer.output.dense = _cut(layer.output.dense, columns=neurons)
    config: Any = encoder.config
    setattr(config, KEPT_HEADS, len(units[0].heads))
    config.intermediate_size = len(units[0].neurons)


def _rows(heads: Sequence[int], size: int) -> Tensor:
    return torch.cat([torch.arange(head * size, (head + 1) * size) for head in heads])


def _cut(
    linear: nn.Linear, *, rows: Tensor | None = None, columns: Tensor | None = None
) -> nn.Linear:
    """The outputs `rows` and inputs `columns` of a linear layer; None keeps all."""
    weight, bias = linear.weight.detach(), linear.bias.detach()
    if rows is not None:
        weight, bias = weight[rows], bias[rows]
    if columns is not None:
        weight = weight[:, columns]
    cut = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        cut.weight.copy_(weight)
        cut.bias.copy_(bias)
    return cut
