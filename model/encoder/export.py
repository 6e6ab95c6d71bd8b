"""From a trained network to a bundle: graph, int8, parity gates, calibration, novelty."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import BundleError
from data.labelled import LabelledText
from data.taxonomy.load import parse
from data.taxonomy.schema import Taxonomy
from data.text.normalise import normalise
from model import bundle, calibrate, golden
from model.answer import HeadCalibration
from model.blend.build import blended
from model.blend.runtime import KIND as BLEND
from model.classifier import Classifier
from model.encoder import graph, parity
from model.encoder.network import EncoderNetwork
from model.encoder.novelty import FILE as NOVELTY
from model.encoder.novelty import Novelty
from model.encoder.quantise import Quantised, QuantiseOptions, quantise
from model.encoder.runtime import KIND, MODEL, TOKENIZER, EncoderClassifier, Parts
from model.encoder.session import Ids, open_session
from model.encoder.tokens import TokenReader
from model.encoder.weights import EncoderWeights, weights_of
from model.heads import calibrated_heads
from model.linear.runtime import LinearWeights
from model.seen import FILE as SEEN
from model.seen import SeenTexts

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """`max_tokens` is what serving reads of a text, `calibration` how many training texts set the
    int8 ranges, `training` how many set the centre of novelty, `largest` the bundle's limit,
    `worth` what a linear model beside it must gain (model.blend.fit).
    """

    max_tokens: int = 256
    calibration: int = 400
    training: int = 2_000
    largest: int = 40 * 2**20
    worth: float = 0.0
    quantise: QuantiseOptions = field(default_factory=QuantiseOptions)
    limits: parity.Limits = field(default_factory=parity.Limits)
    promise: calibrate.Promise = field(default_factory=calibrate.Promise)


@dataclass(frozen=True, slots=True)
class ExportTexts:
    """`train`: texts the network learnt from; `held_out`: labelled ones it never saw."""

    train: Sequence[str]
    held_out: Sequence[LabelledText]


@dataclass(frozen=True, slots=True)
class About:
    """What goes into the manifest beside the model: the data's description and the training's."""

    snapshot: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None


def export_bundle(
    network: EncoderNetwork,
    tokenizer: Path,
    taxonomy_bytes: bytes,
    target: Path,
    texts: ExportTexts,
    *,
    measure: Callable[[Classifier], Mapping[str, Any]] = lambda _: {},
    linear: LinearWeights | None = None,
    options: ExportOptions = ExportOptions(),
    about: About = About(),
    on_step: Step = lambda _: None,
) -> bundle.Manifest:
    """Write a bundle at `target`; `measure` gets the classifier as it will serve.

    With a `linear` model the bundle is a blend of both. The blend's weights, temperatures,
    thresholds and novelty are fitted on the int8 graph. Raises BundleError, before
    anything is written, naming the parity gate that failed, its number and its limit, or what
    does not fit together.
    """
    taxonomy = parse(taxonomy_bytes, name=bundle.TAXONOMY)
    weights = _weights(network, taxonomy, options)
    reader = TokenReader.load(tokenizer, options.max_tokens)
    ids = [reader.read(normalise(text)).ids for text in _some(texts.train, options.calibration)]
    quantised = quantise(weights, ids, options.quantise, on_step)
    held_out = [reader.read(normalise(item.text)).ids for item in texts.held_out]
    report = _parity(network, weights, quantised, reader, held_out, options, on_step)
    report.require()
    on_step("calibrating thresholds")
    fitted = _fit(taxonomy, weights, quantised, reader, texts, options, linear)
    files = fitted.files(quantised.model, tokenizer) | (linear.files() if linear else {})
    seen = SeenTexts.of(texts.train, (item.text for item in texts.held_out))
    files[SEEN] = seen.dump()
    files[golden.FILE] = golden.record(fitted.model, golden.texts_of(taxonomy))
    if (size := sum(map(len, files.values()))) > options.largest:
        raise BundleError(f"{size} bytes, expected at most {options.largest}", field="bundle")
    on_step("measuring")
    metrics = {
        **measure(fitted.model),
        "parity": report.summary(),
        "int8": {
            "smoothing": quantised.smoothing,
            "logits_rmse": _rounded(quantised.errors),
            "kept": options.quantise.kept,
            "exact": sorted(options.quantise.exact),
        },
    }
    return bundle.write(
        target,
        kind=fitted.kind,
        taxonomy_bytes=taxonomy_bytes,
        heads=fitted.heads,
        files=files,
        snapshot=about.snapshot,
        training={"model": fitted.kind, **about.training},
        metrics=metrics,
        runtime=fitted.runtime,
        created_at=about.created_at,
    )


@dataclass(frozen=True, slots=True)
class _Fitted:
    """The classifier as it will serve, with what goes into its bundle."""

    kind: str
    model: Classifier
    heads: dict[str, bundle.HeadManifest]
    runtime: dict[str, Any]
    novelty: Novelty

    def files(self, model: bytes, tokenizer: Path) -> dict[str, bytes]:
        return {MODEL: model, TOKENIZER: tokenizer.read_bytes(), NOVELTY: self.novelty.dump()}


def _weights(network: EncoderNetwork, taxonomy: Taxonomy, options: ExportOptions) -> EncoderWeights:
    expected = {head.name: len(head.leaves) for head in taxonomy.heads}
    weights = weights_of(network, options.max_tokens)
    found = {name: len(head.bias) for name, head in weights.heads.items()}
    if found != expected:
        raise BundleError(f"network scores {found}, taxonomy has {expected}", field="heads")
    return weights


def _some(items: Sequence[str], count: int) -> Sequence[str]:
    """`count` of the items, evenly spaced: the same ones every time, from every part."""
    if len(items) <= count:
        return items
    return [items[i] for i in np.linspace(0, len(items) - 1, count).astype(int)]


def _parity(
    network: EncoderNetwork,
    weights: EncoderWeights,
    quantised: Quantised,
    reader: TokenReader,
    texts: Sequence[Ids],
    options: ExportOptions,
    on_step: Step,
) -> parity.ParityReport:
    candidate = parity.Candidate(
        network=network,
        exact=open_session(graph.build(weights).SerializeToString()),
        int8=open_session(quantised.model),
        columns=weights.columns,
        bias=weights.head.bias,
        pad=reader.pad,
    )
    sample = [texts[int(i)] for i in np.linspace(0, len(texts) - 1, min(500, len(texts)))]
    return parity.check(
        candidate, sample, options.limits, max_tokens=options.max_tokens, on_step=on_step
    )


def _fit(
    taxonomy: Taxonomy,
    weights: EncoderWeights,
    quantised: Quantised,
    reader: TokenReader,
    texts: ExportTexts,
    options: ExportOptions,
    linear: LinearWeights | None,
) -> _Fitted:
    parts = Parts(open_session(quantised.model), reader, None)
    plain = {head.name: bundle.HeadManifest.of(head, HeadCalibration()) for head in taxonomy.heads}
    runtime = _runtime(weights, options)
    draft = EncoderClassifier(bundle.draft(KIND, taxonomy, plain, runtime), taxonomy, parts)
    train = [normalise(text) for text in _some(texts.train, options.training)]
    held_out = [normalise(item.text) for item in texts.held_out]
    novelty = Novelty.fit(draft.pooled(train), draft.pooled(held_out))
    whole = Parts(parts.session, reader, novelty)
    if linear is None:
        heads = calibrated_heads(taxonomy, draft.logits(held_out), texts.held_out, options.promise)
        manifest = bundle.draft(KIND, taxonomy, heads, runtime)
        model = EncoderClassifier(manifest, taxonomy, whole)
        return _Fitted(KIND, model, heads, runtime, novelty)
    known = EncoderClassifier(bundle.draft(KIND, taxonomy, plain, runtime), taxonomy, whole)
    blend = blended(known, linear, texts.held_out, options.promise, options.worth)
    return _Fitted(BLEND, blend.model, blend.heads, blend.runtime, novelty)


def _runtime(weights: EncoderWeights, options: ExportOptions) -> dict[str, Any]:
    return {
        "max_tokens": options.max_tokens,
        "heads": list(weights.heads),
        "layers": len(weights.layers),
        "hidden": weights.hidden,
        "attention_heads": weights.attention_heads,
        "feed_forward": len(weights.layers[0].up.bias),
        "precision": "int8",
        "reduce_range": options.quantise.reduce_range,
    }


def _rounded(errors: Mapping[float, float]) -> dict[str, float]:
    return {str(strength): round(error, 6) for strength, error in errors.items()}
