from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import BundleError
from data.text.normalise import normalise
from model import bundle
from model.encoder.session import Session, open_session, padded
from tests.conftest import three_trees, two_labels
from tests.model.encoder_fixtures import MAX_TOKENS, exported, tiny_network

torch = pytest.importorskip("torch", reason="the encoder is exported from torch")
onnx = pytest.importorskip("onnx", reason="the graph is written with onnx")

from model.encoder import graph, parity, quantise  # noqa: E402
from model.encoder.export import ExportOptions, ExportTexts, export_bundle  # noqa: E402
from model.encoder.weights import EncoderWeights, weights_of  # noqa: E402


@pytest.fixture(scope="module")
def weights() -> EncoderWeights:
    return weights_of(tiny_network(), MAX_TOKENS)


@pytest.fixture(scope="module")
def ids() -> list[np.ndarray]:
    reader = exported().reader()
    return [reader.read(normalise(item.text)).ids for item in exported().texts]


def session_of(model: Any) -> Session:
    return open_session(model.SerializeToString())


def test_single_precision_agrees_with_torch(weights: EncoderWeights, ids: list[np.ndarray]) -> None:
    session, network = session_of(graph.build(weights)), exported().network
    batch, mask = padded(ids[:5], pad=1)
    scores, logits, pooled = session.run(batch, mask)
    with torch.inference_mode():
        expected = network(torch.from_numpy(batch), torch.from_numpy(mask))
    np.testing.assert_allclose(pooled, expected.pooled.numpy(), atol=1e-5)
    joined = torch.cat(list(expected.logits.values()), dim=1).numpy()
    np.testing.assert_allclose(logits, joined, atol=1e-4)
    np.testing.assert_allclose(scores.sum(axis=1) + weights.head.bias, logits, atol=1e-4)


def test_the_graph_is_valid_onnx(weights: EncoderWeights) -> None:
    model = graph.build(weights)
    standard = [n for n in model.graph.node if not n.domain]
    assert {i.name for i in model.graph.input} == set(graph.INPUTS)
    assert [o.name for o in model.graph.output] == list(graph.OUTPUTS)
    assert {n.op_type for n in model.graph.node if n.domain} == {"MultiHeadAttention", "BiasGelu"}
    assert standard


def test_int8_is_near_and_does_not_depend_on_company(
    weights: EncoderWeights, ids: list[np.ndarray]
) -> None:
    found = quantise.quantise(weights, ids[:50])
    assert found.smoothing == min(found.errors, key=found.errors.__getitem__)
    exact, int8 = session_of(graph.build(weights)), open_session(found.model)
    candidate = parity.Candidate(
        exported().network, exact, int8, weights.columns, weights.head.bias, pad=1
    )
    report = parity.check(candidate, ids[:60], parity.Limits(100, flips=0.3), max_tokens=MAX_TOKENS)
    report.require()
    gates = {gate.name: gate.number for gate in report.gates}
    assert all(gates[f"int8_{kind}.{n}"] == 0 for kind in ("padded", "full") for n in (1, 2, 4, 8))


def test_sites_left_exact_are_not_quantised(weights: EncoderWeights, ids: list[np.ndarray]) -> None:
    everything = frozenset(graph.sites(len(weights.layers)))
    options = quantise.QuantiseOptions(smoothing=(0.5,), exact=everything)
    model = onnx.load_from_string(quantise.quantise(weights, ids[:5], options).model)
    assert not [n for n in model.graph.node if n.op_type == "QuantizeLinear"]
    some = dataclasses.replace(options, exact=everything - {"layer.0.up"})
    model = onnx.load_from_string(quantise.quantise(weights, ids[:5], some).model)
    assert len([n for n in model.graph.node if n.op_type == "QuantizeLinear"]) == 1
    with pytest.raises(BundleError, match=r"no site layer\.9"):
        quantise.quantise(weights, ids[:5], dataclasses.replace(some, exact=frozenset({"layer.9"})))


def test_outlying_channels_are_multiplied_exactly(
    weights: EncoderWeights, ids: list[np.ndarray]
) -> None:
    """One channel a hundred times as large as the rest takes all the others' precision."""
    layer = weights.layers[0]
    up = layer.up.weight.copy()
    up[:, 7] *= 100
    down = layer.down.weight.copy()
    down[7] /= 100
    uneven = dataclasses.replace(
        weights,
        layers=(
            dataclasses.replace(
                layer,
                up=dataclasses.replace(layer.up, weight=up),
                down=dataclasses.replace(layer.down, weight=down),
            ),
            *weights.layers[1:],
        ),
    )
    plain, kept = (
        quantise.quantise(uneven, ids[:50], quantise.QuantiseOptions(smoothing=(0.0,), kept=kept))
        for kept in (0, 2)
    )
    assert kept.errors[0.0] < 0.5 * plain.errors[0.0]


def test_values_are_divided_before_attention_mixes_them(
    weights: EncoderWeights, ids: list[np.ndarray]
) -> None:
    """The same product whether what attention gives is divided after it or before."""
    session = session_of(graph.build(weights))
    expected = session.run(ids[0][None])[1]
    divisor = np.linspace(0.5, 2.0, 32, dtype=np.float32)
    wide = graph.Range(-40.0, 40.0, divisor, kept=tuple(range(32)))
    model = graph.build(weights, graph.Int8({"layer.0.attention.out": wide}))
    # Embeddings are int8 as well.
    np.testing.assert_allclose(session_of(model).run(ids[0][None])[1], expected, atol=0.05)


def test_reduced_range_keeps_weights_to_seven_bits(weights: EncoderWeights) -> None:
    rounded, scale = graph.quantise_columns(weights.layers[0].up.weight, 63)
    assert np.abs(rounded).max() == 63
    np.testing.assert_allclose(rounded * scale, weights.layers[0].up.weight, atol=scale.max())


def test_zero_is_exact() -> None:
    for low, high in ((-1.0, 3.0), (0.2, 5.0), (-4.0, -1.0), (0.0, 0.0)):
        scale, zero = graph.Range(low, high).quantisation()
        assert 0 <= int(zero) <= 255
        assert scale > 0


def test_a_failing_gate_is_named_and_writes_nothing(tmp_path: Path) -> None:
    made = exported()
    texts = ExportTexts([item.text for item in made.texts], made.texts[::3])
    options = ExportOptions(max_tokens=MAX_TOKENS, limits=parity.Limits(100, logits=1e-12))
    with pytest.raises(BundleError, match=r"parity gate torch_logits: .*expected at most 1e-12"):
        export_bundle(
            made.network,
            made.tokenizer,
            three_trees()[1],
            tmp_path / "bundle",
            texts,
            options=options,
        )
    assert list(tmp_path.iterdir()) == []


def test_gates_that_are_no_number_do_not_pass() -> None:
    assert not parity.Gate("x", float("nan"), 1.0).passed
    assert not parity.Gate("x", float("nan"), 1.0, least=True).passed
    with pytest.raises(BundleError, match="expected at least 500"):
        parity.ParityReport((parity.Gate("texts", 3, 500, least=True),)).require()


def test_cuts_have_every_length() -> None:
    cuts = parity.spread([np.arange(5), np.arange(9)], 30, 20)
    assert {len(cut) for cut in cuts} == set(range(1, 21))


def test_heads_that_are_not_the_taxonomys_are_refused(tmp_path: Path) -> None:
    made = exported()
    texts = ExportTexts([item.text for item in made.texts], made.texts[::3])
    with pytest.raises(BundleError, match="heads: network scores"):
        export_bundle(
            made.network,
            made.tokenizer,
            two_labels()[1],
            tmp_path / "b",
            texts,
            options=ExportOptions(max_tokens=MAX_TOKENS),
        )


def test_an_encoder_too_short_or_of_another_shape_is_refused() -> None:
    network = tiny_network(1)
    with pytest.raises(BundleError, match="reads 40 tokens, not 41"):
        weights_of(network, 41)
    network.encoder.config.hidden_act = "relu"
    with pytest.raises(BundleError, match="with 'gelu'"):
        weights_of(network, 8)


def test_a_bundle_too_large_is_refused(tmp_path: Path) -> None:
    made = exported()
    texts = ExportTexts([item.text for item in made.texts], made.texts[::3])
    options = ExportOptions(
        max_tokens=MAX_TOKENS, largest=1_000, limits=parity.Limits(100, flips=0.3)
    )
    with pytest.raises(BundleError, match="expected at most 1000"):
        export_bundle(
            made.network, made.tokenizer, three_trees()[1], tmp_path / "b", texts, options=options
        )


def test_the_manifest_tells_how_it_was_made() -> None:
    manifest, _ = bundle.read(exported().bundle)
    assert manifest.kind == "encoder"
    assert manifest.runtime["max_tokens"] == MAX_TOKENS
    assert manifest.metrics["parity"]["torch_argmax"]["passed"]
    assert manifest.metrics["test"] == {"version": "encoder-draft"}
