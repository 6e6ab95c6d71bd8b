"""The encoder in torch. Training and export use it; serving runs its ONNX graph instead."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from model.encoder.narrow import open_narrow

HEADS = "heads.json"
WEIGHTS = "heads.pt"


@dataclass(frozen=True, slots=True)
class EncoderOutput:
    """What one forward pass gives.

    `logits` maps head → (batch, leaves); `pooled` is the mean of the last layer over real tokens,
    (batch, hidden); `hidden_states` has the embedding and every layer's output, each
    (batch, tokens, hidden).
    """

    logits: dict[str, Tensor]
    pooled: Tensor
    hidden_states: tuple[Tensor, ...]


class EncoderNetwork(nn.Module):
    """Mean-pooled encoder with linear heads.

    Pooling and heads are linear, so a token's share of a logit is exactly `W h_t / n`; the shares
    of all tokens and the bias sum to the logit.
    """

    def __init__(self, encoder: PreTrainedModel, heads: Mapping[str, int], dropout: float = 0.1):
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        hidden = int(encoder.config.hidden_size)
        self.heads = nn.ModuleDict({name: nn.Linear(hidden, n) for name, n in heads.items()})

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> EncoderOutput:
        """Both arguments are (batch, tokens) integers; padding has mask 0."""
        output = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True
        )
        # Pooled in single precision, also where the layers ran in half (training under autocast).
        last = output.last_hidden_state.float()
        mask = attention_mask.unsqueeze(-1).to(last.dtype)
        pooled = (last * mask).sum(1) / mask.sum(1)
        dropped = self.dropout(pooled)
        return EncoderOutput(
            logits={name: head(dropped) for name, head in self.heads.items()},
            pooled=pooled,
            hidden_states=tuple(output.hidden_states),
        )

    def save(self, path: Path) -> None:
        """Write an ordinary Hugging Face checkpoint with the heads beside it."""
        path.mkdir(parents=True, exist_ok=True)
        self.encoder.save_pretrained(path)
        sizes = {name: head.out_features for name, head in self.heads.items()}  # type: ignore[union-attr, unused-ignore]
        (path / HEADS).write_text(json.dumps(sizes))
        torch.save(self.heads.state_dict(), path / WEIGHTS)

    @classmethod
    def load(cls, path: Path) -> EncoderNetwork:
        """Read what `save` wrote."""
        network = cls(open_narrow(path), json.loads((path / HEADS).read_text()))
        network.heads.load_state_dict(torch.load(path / WEIGHTS, weights_only=True))
        return network
