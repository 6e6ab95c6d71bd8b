"""A BERT of two tiny layers with its tokenizer, and texts it can learn in seconds."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.labelled import LabelledText
from data.taxonomy.load import parse
from data.taxonomy.schema import Taxonomy
from model.pretrained.vocabulary import SPECIAL, select, tokenizer
from training.encoder.config import EncoderConfig
from training.encoder.config import parse as parse_config

if TYPE_CHECKING:
    from training.fit_encoder import EncoderRecipe

TAXONOMY = """
id: tiny
version: "1"
title: Tiny
heads:
  - name: where
    kind: tree
    title: 地方
    labels:
      - {code: N, name: 北, children: [{code: N1, name: 北京}, {code: N2, name: 沈阳}]}
      - {code: S, name: 南, children: [{code: S1, name: 广州}, {code: S2, name: 海口}]}
  - name: heat
    kind: ordinal
    title: 急
    labels: [{code: I, name: 急}, {code: II, name: 中}, {code: III, name: 缓}]
"""
_PLACES = {"N1": "京", "N2": "沈", "S1": "广", "S2": "海"}
_HEATS = {"I": "急", "II": "中", "III": "缓"}
_FILLER = "的一是在不了有和人这"


def taxonomy() -> Taxonomy:
    return parse(TAXONOMY.encode(), name="tiny")


def texts(count: int, seed: int = 0) -> list[LabelledText]:
    """The label of each head is told by one character among fillers."""
    draw = random.Random(seed)  # noqa: S311
    made = []
    for i in range(count):
        place, heat = draw.choice(list(_PLACES)), draw.choice(list(_HEATS))
        chars = [_PLACES[place], _HEATS[heat], *draw.choices(_FILLER, k=draw.randint(1, 12))]
        draw.shuffle(chars)
        labels = {"where": place, "heat": heat}
        made.append(LabelledText(f"{seed}-{i}", "".join(chars), labels))
    return made


def checkpoint(path: Path, layers: int = 2) -> Path:
    """Write a random BERT of `layers` layers with a character vocabulary."""
    import torch
    from transformers import BertConfig, BertModel

    chars = [*_PLACES.values(), *_HEATS.values(), *_FILLER]
    pieces = [*SPECIAL[:4], "▁", *chars, SPECIAL[4]]
    kept = select(pieces, [-1.0] * len(pieces))
    torch.manual_seed(0)
    BertModel(
        BertConfig(
            vocab_size=len(pieces),
            hidden_size=32,
            num_hidden_layers=layers,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=64,
            pad_token_id=1,
        )
    ).save_pretrained(path)
    tokenizer(kept).save(str(path / "tokenizer.json"))
    return path


def config(encoder: Path, **sections: dict[str, Any]) -> EncoderConfig:
    """Settings for a run of a second or two."""
    values: dict[str, dict[str, Any]] = {
        "model": {"encoder": str(encoder), "max_tokens": 32},
        "batch": {"texts": 16, "tokens": 512},
        "optimiser": {"rate": 3e-3, "head_rate": 1e-2, "epochs": 3},
        "loss": {"smoothing": 0.0},
        "run": {"bf16": "off", "seed": 1},
    }
    for name, section in sections.items():
        values.setdefault(name, {}).update(section)
    return parse_config(values, name="test")


def recipe(folder: Path, config: EncoderConfig) -> EncoderRecipe:
    """A run below `folder`, exported with gates that a tiny network passes."""
    from model.encoder.export import ExportOptions
    from model.encoder.parity import Limits
    from training.fit_encoder import EncoderRecipe

    options = ExportOptions(max_tokens=32, limits=Limits(texts=20, flips=0.1))
    return EncoderRecipe(run=folder / "run", config=config, export=options)
