"""A tiny random encoder with a tokenizer, exported once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from data.labelled import LabelledText
from model.encoder.tokens import TokenReader
from tests.conftest import three_trees, tree_texts

if TYPE_CHECKING:
    from model.encoder.network import EncoderNetwork

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
MAX_TOKENS = 24


def tiny_tokenizer() -> Tokenizer:
    """Unigram over the characters of the tree texts and a few of their pairs."""
    texts = [item.text for item in tree_texts()]
    characters = sorted({char for text in texts for char in text})
    pairs = ("老师", "医生", "北京", "海口", "苹果", "香蕉")
    pieces = [*((name, -50.0) for name in SPECIAL), ("▁", -3.0)]
    pieces += [(char, -4.0) for char in characters] + [(pair, -4.5) for pair in pairs]
    made = Tokenizer(models.Unigram(pieces, unk_id=SPECIAL.index("<unk>"), byte_fallback=False))
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return made


def tiny_network(layers: int = 2) -> EncoderNetwork:
    """A random BERT of width 32 with a head for each of the three trees."""
    torch = pytest.importorskip("torch", reason="the encoder is exported from torch")
    transformers = pytest.importorskip("transformers", reason="the encoder is a BertModel")
    pytest.importorskip("onnx", reason="the graph is written with onnx")
    from model.encoder.network import EncoderNetwork

    torch.manual_seed(5)
    config = transformers.BertConfig(
        vocab_size=tiny_tokenizer().get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=40,
        initializer_range=0.3,
    )
    heads = {head.name: len(head.leaves) for head in three_trees()[0].heads}
    network = EncoderNetwork(transformers.BertModel(config), heads).eval()
    for head in network.heads.values():
        torch.nn.init.normal_(head.weight, std=1.0)  # type: ignore[arg-type]
    return network


@dataclass(frozen=True)
class Exported:
    """Where the bundle and the tokenizer are, and what they were made of."""

    bundle: Path
    tokenizer: Path
    network: EncoderNetwork
    texts: list[LabelledText]

    def reader(self) -> TokenReader:
        return TokenReader.load(self.tokenizer, MAX_TOKENS)


@cache
def exported() -> Exported:
    """The tiny network as a bundle; random scores flip easily, so the flip gate is wide."""
    network = tiny_network()
    from model.encoder.export import ExportOptions, ExportTexts, export_bundle
    from model.encoder.parity import Limits

    folder = Path(mkdtemp(prefix="suda-encoder-"))
    tokenizer = folder / "tokenizer.json"
    tiny_tokenizer().save(str(tokenizer))
    texts = tree_texts()
    options = ExportOptions(max_tokens=MAX_TOKENS, calibration=60, limits=Limits(100, flips=0.3))
    export_bundle(
        network,
        tokenizer,
        three_trees()[1],
        folder / "bundle",
        ExportTexts([item.text for item in texts], texts[::3]),
        measure=lambda model: {"test": {"version": model.version}},
        options=options,
    )
    return Exported(folder / "bundle", tokenizer, network, texts)
