"""A whole encoder, small: fine-tuned, exported, calibrated, served."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the encoder needs suda[train]")
pytest.importorskip("transformers", reason="the encoder needs suda[train]")
pytest.importorskip("onnx", reason="the graph is written with onnx")

from data.errors import BundleError
from data.text.normalise import normalise
from model.blend.runtime import BlendClassifier
from model.encoder.export import ExportOptions
from model.encoder.parity import Limits
from model.linear.runtime import LinearClassifier
from model.runtime import load
from tests.training import encoder_kit as kit
from training.fit_encoder import EncoderRecipe, fit_encoder


def test_from_labelled_texts_to_a_bundle_that_serves(tmp_path: Path) -> None:
    encoder = kit.checkpoint(tmp_path / "encoder")
    recipe = kit.recipe(
        tmp_path,
        kit.config(encoder, optimiser={"epochs": 12}, run={"patience": 0}),
    )
    texts = kit.texts(300)
    target = tmp_path / "bundle"
    manifest = fit_encoder(texts, kit.taxonomy(), kit.TAXONOMY.encode(), target, recipe)
    assert manifest.kind == "encoder"
    assert manifest.metrics["test"]["where"]["accuracy"] > 0.8
    assert manifest.training["epochs"] == 12
    model = load(target)
    answers = [model.predict(normalise(item.text)).heads["where"].leaf for item in texts[:50]]
    right = [a == item.labels["where"] for a, item in zip(answers, texts[:50], strict=True)]
    assert sum(right) > 40


def test_a_student_blended_with_a_linear_model_serves(tmp_path: Path) -> None:
    encoder = kit.checkpoint(tmp_path / "encoder", layers=3)
    recipe = kit.recipe(
        tmp_path,
        kit.config(
            encoder,
            optimiser={"epochs": 8},
            student={"layers": 1, "rate": 3e-3, "epochs": 8, "unlabelled": 100},
            blend={"linear": True},
            run={"patience": 0},
        ),
    )
    texts = kit.texts(300)
    target = tmp_path / "bundle"
    manifest = fit_encoder(texts, kit.taxonomy(), kit.TAXONOMY.encode(), target, recipe)
    assert manifest.kind == "blend"
    assert manifest.runtime["layers"] == 1
    assert manifest.metrics["test"]["where"]["accuracy"] > 0.9
    model = load(target)
    assert isinstance(model, BlendClassifier)
    for item in texts[:20]:
        text = normalise(item.text)
        logits = model.logits([text])
        for head in model.taxonomy.heads:
            for leaf, column in head.leaf_index.items():
                total = model.shares(head.name, leaf, text).total
                assert total == pytest.approx(float(logits[head.name][0, column]), abs=2e-3)
        answer = model.predict(text)
        for name, found in answer.heads.items():
            assert found.leaf == model.taxonomy[name].leaves[int(logits[name][0].argmax())]


def test_a_linear_model_that_gains_too_little_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = kit.checkpoint(tmp_path / "encoder")
    blend = {"linear": True, "worth": 100.0}
    recipe = kit.recipe(tmp_path, kit.config(encoder, optimiser={"epochs": 1}, blend=blend))
    target = tmp_path / "bundle"
    texts = kit.texts(200)
    manifest = fit_encoder(texts, kit.taxonomy(), kit.TAXONOMY.encode(), target, recipe)
    assert {weights["linear"] for weights in manifest.runtime["blend"].values()} == {0.0}
    assert manifest.training["linear"] is not None
    monkeypatch.setattr(LinearClassifier, "read", _unread)
    model = load(target)
    assert isinstance(model, BlendClassifier)
    text = normalise(texts[0].text)
    logits = model.logits([text])
    answer = model.predict(text)
    for head in model.taxonomy.heads:
        scores = logits[head.name][0]
        assert answer.heads[head.name].leaf == head.leaves[int(scores.argmax())]
        shares = model.shares(head.name, head.leaves[0], text)
        assert shares.total == pytest.approx(float(scores[0]), abs=2e-3)


def _unread(*_: object) -> None:
    raise AssertionError("the words were read")


def test_a_blend_without_its_weights_is_refused(tmp_path: Path) -> None:
    encoder = kit.checkpoint(tmp_path / "encoder")
    recipe = EncoderRecipe(
        run=tmp_path / "run",
        config=kit.config(encoder, optimiser={"epochs": 1}, blend={"linear": True}),
        export=ExportOptions(max_tokens=32, limits=Limits(texts=20, flips=1.0)),
    )
    target = tmp_path / "bundle"
    fit_encoder(kit.texts(200), kit.taxonomy(), kit.TAXONOMY.encode(), target, recipe)
    manifest = json.loads((target / "manifest.json").read_text())
    del manifest["runtime"]["blend"]["heat"]
    (target / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=r"runtime\.blend"):
        load(target)
