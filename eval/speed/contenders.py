"""What is measured: anything that answers a text, each on one thread a call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.text.normalise import normalise
from model.classifier import Classifier
from model.encoder.runtime import TOKENIZER
from model.runtime import load

MAX_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Contender:
    """`answer` takes a raw text; `made_of` says what it runs, for the reader of the figures."""

    name: str
    made_of: str
    answer: Callable[[str], object]


def bundle_contender(name: str, path: Path) -> Contender:
    """A bundle as it serves, normalisation included. Raises BundleError."""
    classifier: Classifier = load(path)
    return Contender(name, classifier.version, lambda text: classifier.predict(normalise(text)))


def checkpoint_contenders(checkpoint: Path, tokenizer: Path) -> list[Contender]:
    """The same network as a torch pipeline and as single-precision ONNX.

    `checkpoint` is what training writes; `tokenizer` a directory with tokenizer.json. Raises
    ImportError without the `train` extra.
    """
    from model.encoder.network import EncoderNetwork

    network = EncoderNetwork.load(checkpoint).eval().float()
    path = next(p / TOKENIZER for p in (checkpoint, tokenizer) if (p / TOKENIZER).is_file())
    return [torch_pipeline(network, path, checkpoint), onnx_fp32(network, path, checkpoint)]


def onnx_fp32(network: Any, tokenizer: Path, checkpoint: Path) -> Contender:
    """The unquantised graph, run as the bundle's is."""
    from model.encoder.graph import build
    from model.encoder.session import open_session
    from model.encoder.tokens import TokenReader
    from model.encoder.weights import weights_of

    session = open_session(build(weights_of(network, MAX_TOKENS)).SerializeToString())
    reader = TokenReader.load(tokenizer, MAX_TOKENS)

    def answer(text: str) -> object:
        return session.run(reader.read(normalise(text)).ids[None])

    return Contender(
        f"onnx fp32, {_layers(network)} layers", f"{checkpoint.name}, onnxruntime", answer
    )


def _layers(network: Any) -> int:
    """Of the encoder: two checkpoints measured side by side need names of their own."""
    return int(network.encoder.config.num_hidden_layers)


def torch_pipeline(network: Any, tokenizer: Path, checkpoint: Path) -> Contender:
    """transformers' own text-classification pipeline around the network, one text a call."""
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast, TextClassificationPipeline
    from transformers.modeling_outputs import SequenceClassifierOutput
    from transformers.utils import logging

    # It lists every architecture it knows, because it does not know this one.
    logging.set_verbosity(50)  # type: ignore[no-untyped-call, unused-ignore]

    class Wrapped(PreTrainedModel):  # type: ignore[misc, no-untyped-call, unused-ignore]
        """All heads' leaves as one row of labels, as a pipeline expects them."""

        _supports_sdpa = True

        def __init__(self) -> None:
            config = network.encoder.config
            leaves = sum(head.out_features for head in network.heads.values())
            config.id2label = {i: str(i) for i in range(leaves)}
            super().__init__(config)
            self.inner = network

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            logits = self.inner(input_ids, attention_mask).logits
            return SequenceClassifierOutput(logits=torch.cat(list(logits.values()), dim=1))

    names = {"unk_token": "<unk>", "pad_token": "<pad>"}
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call, unused-ignore]
        tokenizer_file=str(tokenizer),
        model_max_length=MAX_TOKENS,
        model_input_names=["input_ids", "attention_mask"],
        **names,
    )
    wrapped: Any = Wrapped()
    pipe = TextClassificationPipeline(  # type: ignore[no-untyped-call, unused-ignore]
        model=wrapped.eval(), tokenizer=fast, top_k=None, function_to_apply="none", device=-1
    )
    layers = int(network.encoder.config.num_hidden_layers)
    return Contender(
        f"torch pipeline, {_layers(network)} layers",
        f"{checkpoint.name}, {layers} layers",
        lambda text: pipe(text, truncation=True),
    )
