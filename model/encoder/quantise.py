"""Static int8: ranges of the activations from training texts, fixed once and for all.

Fixed ranges make an answer independent of what else is in the batch, which ranges taken from each
batch do not (onnxruntime issue 10111). Cutting off outliers by a percentile of all values made the
logits' error two to three times as large, since a few large values carry meaning. Instead each
site's outlying channels are evened out against their weights (SmoothQuant, arXiv:2211.10438), by
the strength that leaves the least error in that site's own matrix product.
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

# How much of a channel's size is put into the weights, from none (0) to all (1), and how much of
# the range seen is kept.
SMOOTHING = (0.0, 0.5, 0.65, 0.8, 0.9, 1.0)
KEPT = (1.0, 0.8, 0.6)
# Tokens of each calibration text that a site's error is measured on: the ends behave unlike the
# rest, and the rest alike.
_ROWS = 4
# Calibration texts that the error of the whole is measured on.
_COMPARED = 100


@dataclass(frozen=True, slots=True)
class QuantiseOptions:
    """`smoothing` and `kept`: what is tried at every site.

    `exact` names sites (graph.sites) that stay in single precision; `reduce_range` is for
    processors without VNNI instructions.
    """

    smoothing: tuple[float, ...] = SMOOTHING
    kept: tuple[float, ...] = KEPT
    exact: frozenset[str] = frozenset()
    reduce_range: bool = False


@dataclass(frozen=True, slots=True)
class Activations:
    """What a site was seen to carry: least and largest value of each channel, and sample rows.

    `low` and `high` are (channels,), `rows` (tokens, channels).
    """

    low: Floats
    high: Floats
    rows: Floats


@dataclass(frozen=True, slots=True)
class Quantised:
    """The int8 graph and the root mean square difference of its logits from single precision.

    `chosen` has the smoothing and the kept share of each site.
    """

    model: bytes
    error: float
    chosen: dict[str, tuple[float, float]]


def quantise(
    weights: EncoderWeights,
    texts: Sequence[Ids],
    options: QuantiseOptions = QuantiseOptions(),  # noqa: B008 - frozen
    on_step: Callable[[str], None] = lambda _: None,
) -> Quantised:
    """Calibrate on token ids of training texts, (tokens,) each, and build the int8 graph."""
    if unknown := sorted(options.exact - set(graph.sites(len(weights.layers)))):
        raise BundleError(f"the graph has no site {unknown[0]}", field="quantise.exact")
    on_step("int8: reading activations")
    seen = measure(weights, texts)
    ranges, chosen = {}, {}
    for site, activations in seen.items():
        if site not in options.exact:
            on_step(f"int8: {site}")
            ranges[site], chosen[site] = _best(activations, _weight_at(weights, site), options)
    model = graph.build(weights, graph.Int8(ranges, options.reduce_range)).SerializeToString()
    compared = texts[:: max(1, len(texts) // _COMPARED)]
    exact = _logits(graph.build(weights).SerializeToString(), compared)
    error = float(np.sqrt(np.mean((_logits(model, compared) - exact) ** 2)))
    return Quantised(model, error, chosen)


def measure(weights: EncoderWeights, texts: Sequence[Ids]) -> dict[str, Activations]:
    """Each site over all tokens of the texts. Raises BundleError without texts."""
    if not texts:
        raise BundleError("expected training texts to calibrate on", field="quantise")
    session = open_session(graph.build(weights, probe=True).SerializeToString())
    names = graph.sites(len(weights.layers))
    outputs = [f"site.{name}" for name in names]
    lows: dict[str, list[Floats]] = {name: [] for name in names}
    highs: dict[str, list[Floats]] = {name: [] for name in names}
    rows: dict[str, list[Floats]] = {name: [] for name in names}
    for ids in texts:
        some = np.linspace(0, len(ids) - 1, min(_ROWS, len(ids))).round().astype(int)
        for name, values in zip(names, session.probe(ids[None], outputs), strict=True):
            lows[name].append(values[0].min(axis=0))
            highs[name].append(values[0].max(axis=0))
            rows[name].append(values[0][some])
    return {
        name: Activations(
            np.min(lows[name], axis=0), np.max(highs[name], axis=0), np.concatenate(rows[name])
        )
        for name in names
    }


def _best(
    seen: Activations, weight: Floats, options: QuantiseOptions
) -> tuple[graph.Range, tuple[float, float]]:
    """The range with the least squared error of the site's product, and how it was made."""
    expected = seen.rows @ weight
    tried = [
        (_range(seen, weight, strength, kept), (strength, kept))
        for strength in options.smoothing
        for kept in options.kept
    ]
    largest = graph.Int8({}, options.reduce_range).largest
    errors = [
        float(np.mean((product(seen.rows, weight, known, largest) - expected) ** 2))
        for known, _ in tried
    ]
    return tried[int(np.argmin(errors))]


def product(rows: Floats, weight: Floats, known: graph.Range, largest: int) -> Floats:
    """`rows` (tokens, channels) times `weight` as the int8 graph computes it."""
    scale, zero = known.quantisation()
    if known.divisor is not None:
        rows, weight = rows / known.divisor, weight * known.divisor[:, None]
    units = np.clip(np.rint(rows / scale) + zero, 0, 255) - zero
    steps, scales = graph.quantise_columns(weight, largest)
    return np.asarray((units * scale) @ (steps * scales), dtype=np.float32)


def _range(seen: Activations, weight: Floats, strength: float, kept: float) -> graph.Range:
    divisor = np.ones_like(seen.low)
    if strength > 0:
        size = np.maximum(np.maximum(-seen.low, seen.high), 1e-5)
        against = np.maximum(np.abs(weight).max(axis=1), 1e-5)
        divisor = (size**strength / against ** (1 - strength)).astype(np.float32)
    low, high = (seen.low / divisor).min() * kept, (seen.high / divisor).max() * kept
    return graph.Range(float(low), float(high), divisor if strength > 0 else None)


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
