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
    multiplied by it, so that the product stays what it was. None divides by one. The channels
    `kept` are not within the range: their share of the product is computed exactly, beside it.
    """

    low: float
    high: float
    divisor: Floats | None = None
    kept: tuple[int, ...] = ()

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


@dataclass(frozen=True, slots=True)
class _Read:
    """A site: its `value`, and names of its int8 form where its range is `known`.

    `divided` says that the value itself was divided by the range's divisor.
    """

    value: str
    known: Range | None = None
    quantised: str = ""
    scale: str = ""
    zero: str = ""
    divided: bool = False


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

    def site(self, name: str, value: str, *, divided: bool = False) -> _Read:
        """Mark what matrix products read, quantised where its range is known.

        `divided` says that the value was divided already.
        """
        self.seen.append(name)
        known = self.range_of(name)
        if known is None:
            return _Read(self.add("Identity", [value], to_name=f"site.{name}"))
        even = value
        if known.divisor is not None and not divided:
            even = self.add("Mul", [value, self.constant(1 / known.divisor)])
        scale, zero = [self.constant(number) for number in known.quantisation()]
        quantised = self.add("QuantizeLinear", [even, scale, zero])
        return _Read(value, known, quantised, scale, zero, divided)

    def range_of(self, site: str) -> Range | None:
        """How a site is quantised; None where it stays exact."""
        return self.int8.ranges.get(site) if self.int8 else None

    def quantised(self, known: Range, weight: Floats) -> tuple[str, str, str]:
        """Of the matrix that a quantised site is multiplied by: int8 values, scales, zero points.

        One scale and zero point an output; rows of channels that are kept exact are zero.
        """
        assert self.int8  # noqa: S101 - whoever knows a range
        if known.divisor is not None:
            weight = weight * known.divisor[:, None]
        if known.kept:
            weight = weight.copy()
            weight[list(known.kept)] = 0
        rounded, scale = quantise_columns(weight, self.int8.largest)
        zero = np.zeros(weight.shape[1], dtype=np.int8)
        return self.constant(rounded), self.constant(scale), self.constant(zero)

    def product(self, read: _Read, weight: Floats, bias: Floats | None = None) -> str:
        """What was read times `weight` (inputs, outputs), plus `bias` (outputs,)."""
        added = [] if bias is None else [self.constant(bias)]
        if read.known is None:
            bare = self.add("MatMul", [read.value, self.constant(weight)])
            return self.add("Add", [bare, *added]) if added else bare
        rounded, scale, zero = self.quantised(read.known, weight)
        inputs = [read.quantised, rounded, read.scale, scale, read.zero, zero, *added]
        product = self.add("MatMulIntegerToFloat", inputs, domain=_CONTRIB)
        if not read.known.kept:
            return product
        rows = list(read.known.kept)
        exact = weight[rows]
        if read.divided and read.known.divisor is not None:
            exact = exact * read.known.divisor[rows, None]
        kept = self.add("Gather", [read.value, self.constant(np.array(rows))], axis=2)
        beside = self.add("MatMul", [kept, self.constant(exact)])
        return self.add("Add", [product, beside])

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
    read = graph.site(f"{name}.attention.out", attended, divided=True)
    output = graph.product(read, layer.output.weight, layer.output.bias)
    # Add and LayerNormalization: onnxruntime's fused SkipLayerNormalization takes six times as
    # long on a processor (docs/results.md), so the session must not fuse them either.
    hidden = graph.normalised(
        graph.add("Add", [output, hidden]), layer.attention_norm, weights.epsilon
    )
    up = graph.product(graph.site(f"{name}.up", hidden), layer.up.weight)
    wide = graph.add("BiasGelu", [up, graph.constant(layer.up.bias)], domain=_CONTRIB)
    down = graph.product(graph.site(f"{name}.down", wide), layer.down.weight, layer.down.bias)
    return graph.normalised(graph.add("Add", [down, hidden]), layer.norm, weights.epsilon)


def _attention(
    graph: _Graph, layer: Layer, name: str, hidden: str, mask: str, weights: EncoderWeights
) -> str:
    value = _divided(layer.value, graph.range_of(f"{name}.attention.out"))
    parts = (layer.query, layer.key, value)
    bias = graph.constant(np.concatenate([part.bias for part in parts]))
    heads = weights.attention_heads
    read = graph.site(f"{name}.attention.in", hidden)
    if read.known is None or read.known.kept:
        projected = [graph.product(read, part.weight) for part in parts]
        inputs = [*projected, bias, mask]
        return graph.add("MultiHeadAttention", inputs, domain=_CONTRIB, num_heads=heads)
    weight = np.concatenate([part.weight for part in parts], axis=1)
    rounded, scale, zero = graph.quantised(read.known, weight)
    inputs = [read.quantised, rounded, bias, read.scale, scale, mask, read.zero, zero]
    return graph.add("QAttention", inputs, domain=_CONTRIB, num_heads=heads)


def _divided(value: Linear, out: Range | None) -> Linear:
    """Attention only mixes the values' rows, so that its output may be divided before it."""
    if out is None or out.divisor is None:
        return value
    return Linear(value.weight / out.divisor, value.bias / out.divisor)


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
