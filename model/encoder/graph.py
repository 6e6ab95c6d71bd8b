"""The encoder as an ONNX graph, written node by node: single precision or static int8.

An exporter's trace needs its attention and GELU found again by an optimiser; a BERT has so few
parts that writing them is shorter. Parity with torch is a gate (model/encoder/parity.py).

Inputs: `input_ids` and `attention_mask`, (batch, tokens) int64. Outputs: `token_scores`
(batch, tokens, leaves of all heads), whose sum over tokens plus the heads' bias is `logits`
(batch, leaves); `pooled` (batch, hidden).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from model.classifier import Floats
from model.encoder.weights import EncoderWeights, Layer, Linear, Norm

OPSET = 20
INPUTS = ("input_ids", "attention_mask")
OUTPUTS = ("token_scores", "logits", "pooled")
_CONTRIB = "com.microsoft"


@dataclass(frozen=True, slots=True)
class Range:
    """The least and largest value an activation takes, after its channels were divided.

    `divisor` (channels,) evens out channels that are far larger than the rest; the weights are
    multiplied by it, so that the product stays what it was. None divides by one.
    """

    low: float
    high: float
    divisor: Floats | None = None

    def quantisation(self) -> tuple[np.float32, np.uint8]:
        """Scale and zero point of unsigned 8-bit values; zero is exact, as padding needs."""
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        scale = max(high - low, 1e-8) / 255
        return np.float32(scale), np.uint8(round(-low / scale))


@dataclass(frozen=True, slots=True)
class Int8:
    """How to quantise: `ranges` by site (a matrix product's input); a site left out stays exact.

    `reduce_range` keeps weights to 7 bits, for processors without VNNI, whose 16-bit sums of
    products would saturate.
    """

    ranges: Mapping[str, Range]
    reduce_range: bool = False

    @property
    def largest(self) -> int:
        """Of a weight."""
        return 63 if self.reduce_range else 127


def sites(layers: int) -> list[str]:
    """Names of the activations that matrix products read: four in each layer."""
    parts = ("attention.in", "attention.out", "up", "down")
    return [f"layer.{i}.{part}" for i in range(layers) for part in parts]


def build(weights: EncoderWeights, int8: Int8 | None = None, *, probe: bool = False) -> ModelProto:
    """The graph; with `probe` every site is an output as well, to calibrate on."""
    graph = _Graph(int8)
    hidden = _embed(graph, weights)
    mask = graph.add("Cast", ["attention_mask"], to=TensorProto.INT32)
    for i, layer in enumerate(weights.layers):
        hidden = _layer(graph, layer, f"layer.{i}", hidden, mask, weights)
    _heads(graph, hidden, weights.head)
    leaves = len(weights.head.bias)
    outputs = [
        _value("token_scores", ["batch", "tokens", leaves]),
        _value("logits", ["batch", leaves]),
        _value("pooled", ["batch", weights.hidden]),
    ]
    if probe:
        outputs += [_value(f"site.{name}", None) for name in graph.seen]
    return graph.model(outputs)


def quantise_rows(table: Floats) -> tuple[NDArray[np.int8], Floats]:
    """An embedding table as int8 (rows, hidden) and one scale a row (rows, 1)."""
    scale = np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-8) / 127
    return np.rint(table / scale).astype(np.int8), scale.astype(np.float32)


def quantise_columns(weight: Floats, largest: int) -> tuple[NDArray[np.int8], Floats]:
    """A matrix as int8 (inputs, outputs) up to `largest`, and one scale an output (outputs,)."""
    scale = np.maximum(np.abs(weight).max(axis=0), 1e-8) / largest
    return np.rint(weight / scale).astype(np.int8), scale.astype(np.float32)


class _Graph:
    """Nodes and constants as they are added, each named by its kind and place."""

    def __init__(self, int8: Int8 | None) -> None:
        self.int8 = int8
        self.seen: list[str] = []
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def constant(self, value: NDArray[Any] | np.generic) -> str:
        name = f"constant.{len(self._constants)}"
        array = np.asarray(value)
        self._constants.append(
            numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
        )
        return name

    def add(
        self,
        kind: str,
        inputs: Sequence[str],
        *,
        domain: str = "",
        to_name: str = "",
        **attributes: Any,
    ) -> str:
        name = to_name or f"{kind}.{len(self._nodes)}"
        self._nodes.append(
            helper.make_node(kind, inputs, [name], name=name, domain=domain, **attributes)
        )
        return name

    def site(self, name: str, value: str) -> str:
        """Mark what matrix products read; quantised and back where its range is known."""
        self.seen.append(name)
        known = self.int8.ranges.get(name) if self.int8 else None
        if known is None:
            return self.add("Identity", [value], to_name=f"site.{name}")
        if known.divisor is not None:
            value = self.add("Mul", [value, self.constant(1 / known.divisor)])
        scale, zero = [self.constant(number) for number in known.quantisation()]
        quantised = self.add("QuantizeLinear", [value, scale, zero])
        return self.add("DequantizeLinear", [quantised, scale, zero])

    def product(self, site: str, value: str, weight: Floats) -> str:
        """`value` times `weight` (inputs, outputs), one scale per output where quantised."""
        known = self.int8.ranges.get(site) if self.int8 else None
        if self.int8 is None or known is None:
            return self.add("MatMul", [value, self.constant(weight)])
        if known.divisor is not None:
            weight = weight * known.divisor[:, None]
        rounded, scale = quantise_columns(weight, self.int8.largest)
        zero = np.zeros(weight.shape[1], dtype=np.int8)
        inputs = [self.constant(array) for array in (rounded, scale, zero)]
        restored = self.add("DequantizeLinear", inputs, axis=1)
        return self.add("MatMul", [value, restored])

    def normalised(self, value: str, norm: Norm, epsilon: float) -> str:
        scale, shift = self.constant(norm.scale), self.constant(norm.shift)
        return self.add("LayerNormalization", [value, scale, shift], epsilon=epsilon)

    def model(self, outputs: Sequence[ValueInfoProto]) -> ModelProto:
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
            for name in INPUTS
        ]
        graph = helper.make_graph(self._nodes, "encoder", inputs, outputs, self._constants)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(_CONTRIB, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="suda")


def _value(name: str, shape: list[str | int] | None) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _embed(graph: _Graph, weights: EncoderWeights) -> str:
    if graph.int8 is None:
        words = graph.add("Gather", [graph.constant(weights.words), "input_ids"])
    else:
        table, each = quantise_rows(weights.words)
        rows, scales = graph.constant(table), graph.constant(each)
        gathered = graph.add("Gather", [rows, "input_ids"])
        exact = graph.add("Cast", [gathered], to=TensorProto.FLOAT)
        words = graph.add("Mul", [exact, graph.add("Gather", [scales, "input_ids"])])
    count = graph.add("Shape", ["input_ids"], start=1, end=2)
    zero = graph.constant(np.array([0]))
    positions = graph.add("Slice", [graph.constant(weights.positions), zero, count, zero])
    both = graph.add("Add", [words, positions])
    return graph.normalised(both, weights.norm, weights.epsilon)


def _layer(
    graph: _Graph, layer: Layer, name: str, hidden: str, mask: str, weights: EncoderWeights
) -> str:
    attended = _attention(graph, layer, name, hidden, mask, weights)
    output = _affine(graph, f"{name}.attention.out", attended, layer.output)
    # Add and LayerNormalization: onnxruntime's fused SkipLayerNormalization takes six times as
    # long on a processor (docs/results.md), so the session must not fuse them either.
    hidden = graph.normalised(
        graph.add("Add", [output, hidden]), layer.attention_norm, weights.epsilon
    )
    up = graph.product(f"{name}.up", graph.site(f"{name}.up", hidden), layer.up.weight)
    wide = graph.add("BiasGelu", [up, graph.constant(layer.up.bias)], domain=_CONTRIB)
    down = _affine(graph, f"{name}.down", wide, layer.down)
    return graph.normalised(graph.add("Add", [down, hidden]), layer.norm, weights.epsilon)


def _affine(graph: _Graph, site: str, value: str, linear: Linear) -> str:
    product = graph.product(site, graph.site(site, value), linear.weight)
    return graph.add("Add", [product, graph.constant(linear.bias)])


def _attention(
    graph: _Graph, layer: Layer, name: str, hidden: str, mask: str, weights: EncoderWeights
) -> str:
    site = f"{name}.attention.in"
    value = graph.site(site, hidden)
    parts = (layer.query, layer.key, layer.value)
    projected = [graph.product(site, value, part.weight) for part in parts]
    bias = graph.constant(np.concatenate([part.bias for part in parts]))
    return graph.add(
        "MultiHeadAttention",
        [*projected, bias, mask],
        domain=_CONTRIB,
        num_heads=weights.attention_heads,
    )


def _heads(graph: _Graph, hidden: str, head: Linear) -> None:
    """Mean pooling spread over the tokens, so that every token has its own share of a score."""
    mask = graph.add("Cast", ["attention_mask"], to=TensorProto.FLOAT)
    mask = graph.add("Unsqueeze", [mask, graph.constant(np.array([2]))])
    count = graph.add("ReduceSum", [mask, graph.constant(np.array([1]))], keepdims=1)
    shared = graph.add("Mul", [hidden, graph.add("Div", [mask, count])])
    scores = graph.add("MatMul", [shared, graph.constant(head.weight)], to_name="token_scores")
    _sum_over_tokens(graph, shared, "pooled")
    total = _sum_over_tokens(graph, scores)
    graph.add("Add", [total, graph.constant(head.bias)], to_name="logits")


def _sum_over_tokens(graph: _Graph, value: str, name: str = "") -> str:
    """One token after the other, (batch, tokens, n) to (batch, n).

    ReduceSum and MatMul order their additions by the size of the batch or by the padding, and
    give other bits; in a running sum padding only adds zeros at the end.
    """
    running = graph.add("CumSum", [value, graph.constant(np.array(1))])
    return graph.add("Gather", [running, graph.constant(np.array(-1))], axis=1, to_name=name)
