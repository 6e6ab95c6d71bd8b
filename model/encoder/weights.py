"""The numbers of a torch encoder as numpy arrays, named by what they do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from data.errors import BundleError
from model.classifier import Floats
from model.encoder.narrow import KEPT_HEADS
from model.encoder.network import EncoderNetwork

# Architectures with BERT's layers; the value is how many position rows precede the first token's.
_FIRST_POSITION = {"bert": 0, "roberta": None, "xlm-roberta": None}


@dataclass(frozen=True, slots=True)
class Linear:
    """`weight` is (inputs, outputs), as a graph multiplies it; `bias` is (outputs,)."""

    weight: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class Norm:
    """Scale and shift of a layer normalisation, both (hidden,)."""

    scale: Floats
    shift: Floats


@dataclass(frozen=True, slots=True)
class Layer:
    """One transformer layer, post-norm as in BERT."""

    query: Linear
    key: Linear
    value: Linear
    output: Linear
    attention_norm: Norm
    up: Linear
    down: Linear
    norm: Norm


@dataclass(frozen=True, slots=True)
class EncoderWeights:
    """A whole encoder with its heads.

    `words` is (pieces, hidden); `positions` (tokens, hidden) has the constant token-type row added
    in. `heads` maps a head to its linear layer, in the order of the columns of all scores.
    """

    words: Floats
    positions: Floats
    norm: Norm
    layers: tuple[Layer, ...]
    heads: Mapping[str, Linear]
    attention_heads: int
    epsilon: float

    @property
    def hidden(self) -> int:
        """Width of the hidden state."""
        return int(self.words.shape[1])

    @property
    def columns(self) -> dict[str, slice]:
        """Which columns of the concatenated scores are a head's."""
        found, start = {}, 0
        for name, head in self.heads.items():
            found[name] = slice(start, start + len(head.bias))
            start += len(head.bias)
        return found

    @property
    def head(self) -> Linear:
        """All heads side by side."""
        parts = list(self.heads.values())
        return Linear(
            np.concatenate([part.weight for part in parts], axis=1),
            np.concatenate([part.bias for part in parts]),
        )


def weights_of(network: EncoderNetwork, max_tokens: int) -> EncoderWeights:
    """Take the weights of a network that reads up to `max_tokens` tokens, in single precision.

    Raises BundleError where the encoder is not of BERT's shape or too short for `max_tokens`.
    """
    config = network.encoder.config
    first = _check(config, max_tokens)
    state = {name: _array(tensor) for name, tensor in network.encoder.state_dict().items()}
    types = state["embeddings.token_type_embeddings.weight"]
    positions = state["embeddings.position_embeddings.weight"]
    heads = {name: _array_state(module) for name, module in network.heads.items()}
    return EncoderWeights(
        words=state["embeddings.word_embeddings.weight"],
        positions=positions[first : first + max_tokens] + types[:1],
        norm=_norm(state, "embeddings.LayerNorm"),
        layers=tuple(_layer(state, f"encoder.layer.{i}") for i in range(config.num_hidden_layers)),
        heads={name: _linear(arrays, "") for name, arrays in heads.items()},
        attention_heads=int(getattr(config, KEPT_HEADS, config.num_attention_heads)),
        epsilon=float(config.layer_norm_eps),
    )


def _check(config: object, max_tokens: int) -> int:
    kind = str(getattr(config, "model_type", "?"))
    if kind not in _FIRST_POSITION or getattr(config, "hidden_act", "") != "gelu":
        raise BundleError(
            f"architecture {kind!r} with {getattr(config, 'hidden_act', None)!r}: "
            f"expected one of {sorted(_FIRST_POSITION)} with 'gelu'",
            field="encoder",
        )
    first = _FIRST_POSITION[kind]
    if first is None:  # RoBERTa counts positions from the one after padding's
        first = int(getattr(config, "pad_token_id", 0)) + 1
    most = int(getattr(config, "max_position_embeddings", 0)) - first
    if max_tokens > most:
        raise BundleError(f"the encoder reads {most} tokens, not {max_tokens}", field="max_tokens")
    return first


def _array(tensor: Tensor) -> Floats:
    return tensor.detach().float().cpu().numpy()


def _array_state(module: object) -> dict[str, NDArray[np.float32]]:
    return {f".{name}": _array(tensor) for name, tensor in module.state_dict().items()}  # type: ignore[attr-defined]


def _linear(state: Mapping[str, Floats], name: str) -> Linear:
    return Linear(np.ascontiguousarray(state[f"{name}.weight"].T), state[f"{name}.bias"])


def _norm(state: Mapping[str, Floats], name: str) -> Norm:
    return Norm(state[f"{name}.weight"], state[f"{name}.bias"])


def _layer(state: Mapping[str, Floats], name: str) -> Layer:
    attention = f"{name}.attention"
    return Layer(
        query=_linear(state, f"{attention}.self.query"),
        key=_linear(state, f"{attention}.self.key"),
        value=_linear(state, f"{attention}.self.value"),
        output=_linear(state, f"{attention}.output.dense"),
        attention_norm=_norm(state, f"{attention}.output.LayerNorm"),
        up=_linear(state, f"{name}.intermediate.dense"),
        down=_linear(state, f"{name}.output.dense"),
        norm=_norm(state, f"{name}.output.LayerNorm"),
    )
