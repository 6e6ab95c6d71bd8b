"""Static int8: ranges of the activations from training texts, fixed once and for all.

Fixed ranges make an answer independent of what else is in the batch, which ranges taken from each
batch do not (onnxruntime issue 10111). Cutting off outliers by a percentile of all values made the
logits' error two to three times as large, since a few large values carry meaning. Instead
outlying channels are evened out against their weights (SmoothQuant, arXiv:2211.10438), by the
strength that leaves the least error in the logits. Choosing it site by site, by the error of the
site's own product, was no better than one strength for all. After the GELU, which leaves one side
unbounded, a few channels are so far out that evening out does less than to multiply them exactly
beside the rest (docs/results.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from data.errors import BundleError
from model.classifier import Floats
from model.encoder import graph
from model.encoder.session import Ids, open_session
from model.encoder.weights import EncoderWeights

# How much of a channel's size is put into the weights, from none (0) to all (1).
SMOOTHING = (0.0, 0.5, 0.6, 0.65, 0.7, 0.8, 0.9)
# Calibration texts that the strengths are compared on.
_COMPARED = 100


@dataclass(frozen=True, slots=True)
class QuantiseOptions:
    """`smoothing`: strengths to try.

    `kept` is how many channels of each feed-forward's second matrix are multiplied exactly, with
    nothing evened out there; with 0 none is. `exact` names sites (graph.sites) that stay in single
    precision as a whole. `reduce_range` is for processors without VNNI instructions.
    """

    smoothing: tuple[float, ...] = SMOOTHING
    exact: frozenset[str] = frozenset()
    kept: int = 16
    reduce_range: bool = False


@dataclass(frozen=True, slots=True)
class Extent:
    """Least and largest value of each channel of a site, (channels,) each."""

    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Quantised:
    """The int8 graph and the smoothing taken.

    `errors` has, for each strength tried, the root mean square difference of the logits from
    single precision.
    """

    model: bytes
    smoothing: float
    errors: dict[float, float]


def quantise(
    weights: EncoderWeights,
    texts: Sequence[Ids],
    options: QuantiseOptions = QuantiseOptions(),
    on_step: Callable[[str], None] = lambda _: None,
) -> Quantised:
    """Calibrate on token ids of training texts, (tokens,) each, and build the int8 graph."""
    if unknown := sorted(options.exact - set(graph.sites(len(weights.layers)))):
        raise BundleError(f"the graph has no site {unknown[0]}", field="quantise.exact")
    on_step("int8: reading activations")
    extents = measure(weights, texts)
    compared = texts[:: max(1, len(texts) // _COMPARED)]
    expected = _logits(graph.build(weights).SerializeToString(), compared)

    found = {}
    for strength in options.smoothing:
        on_step(f"int8: smoothing {strength}")
        model = _build(weights, extents, strength, options)
        found[strength] = float(np.sqrt(np.mean((_logits(model, compared) - expected) ** 2))), model
    best = min(found, key=lambda strength: found[strength][0])
    errors = {strength: made[0] for strength, made in found.items()}
    return Quantised(found[best][1], best, errors)


def measure(weights: EncoderWeights, texts: Sequence[Ids]) -> dict[str, Extent]:
    """Each site's extent over all tokens of the texts. Raises BundleError without texts."""
    if not texts:
        raise BundleError("expected training texts to calibrate on", field="quantise")
    session = open_session(graph.build(weights, probe=True).SerializeToString())
    names = graph.sites(len(weights.layers))
    outputs = [f"site.{name}" for name in names]
    extents: dict[str, Extent] = {}
    for ids in texts:
        for name, values in zip(names, session.probe(ids[None], outputs), strict=True):
            low, high = values[0].min(axis=0), values[0].max(axis=0)
            if known := extents.get(name):
                low, high = np.minimum(known.low, low), np.maximum(known.high, high)
            extents[name] = Extent(low, high)
    return extents


def _build(
    weights: EncoderWeights, extents: dict[str, Extent], strength: float, options: QuantiseOptions
) -> bytes:
    ranges = {}
    for name, extent in extents.items():
        if name in options.exact:
            continue
        # Of all sites these alone moved the logits when they stayed exact (docs/results.md).
        if options.kept and name.endswith(".down"):
            ranges[name] = _without_outliers(extent, options.kept)
        else:
            ranges[name] = _range(extent, _weight_at(weights, name), strength)
    model = graph.build(weights, graph.Int8(ranges, options.reduce_range))
    return bytes(model.SerializeToString())


def _range(extent: Extent, weight: Floats, strength: float) -> graph.Range:
    if strength == 0:
        return graph.Range(float(extent.low.min()), float(extent.high.max()))
    size = np.maximum(np.maximum(-extent.low, extent.high), 1e-5)
    against = np.maximum(np.abs(weight).max(axis=1), 1e-5)
    divisor = (size**strength / against ** (1 - strength)).astype(np.float32)
    low, high = (extent.low / divisor).min(), (extent.high / divisor).max()
    return graph.Range(float(low), float(high), divisor)


def _without_outliers(extent: Extent, kept: int) -> graph.Range:
    size = np.maximum(-extent.low, extent.high)
    order = np.argsort(size, kind="stable")
    rest, outlying = order[:-kept], np.sort(order[-kept:])
    if not len(rest):
        return graph.Range(0.0, 0.0, kept=tuple(map(int, outlying)))
    low, high = float(extent.low[rest].min()), float(extent.high[rest].max())
    return graph.Range(low, high, kept=tuple(map(int, outlying)))


def _weight_at(weights: EncoderWeights, site: str) -> Floats:
    """The matrix that reads a site, (channels, outputs)."""
    _, number, part = site.split(".", 2)
    layer = weights.layers[int(number)]
    if part == "attention.in":
        both = [layer.query.weight, layer.key.weight, layer.value.weight]
        return np.concatenate(both, axis=1)
    named = {"attention.out": layer.output, "up": layer.up, "down": layer.down}
    return named[part].weight


def _logits(model: bytes, texts: Sequence[Ids]) -> Floats:
    session = open_session(model)
    return np.concatenate([session.run(ids[None])[1] for ids in texts])
