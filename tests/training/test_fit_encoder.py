"""A whole encoder, small: fine-tuned, exported, calibrated, served."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the encoder needs suda[train]")
pytest.importorskip("transformers", reason="the encoder needs suda[train]")
pytest.importorskip("onnx", reason="the graph is written with onnx")

from data.text.normalise import normalise
from model.encoder.export import ExportOptions
from model.encoder.parity import Limits
from model.runtime import load
from tests.training import encoder_kit as kit
from training.fit_encoder import EncoderRecipe, fit_encoder


def test_from_labelled_texts_to_a_bundle_that_serves(tmp_path: Path) -> None:
    encoder = kit.checkpoint(tmp_path / "encoder")
    recipe = EncoderRecipe(
        run=tmp_path / "run",
        config=kit.config(encoder, optimiser={"epochs": 12}, run={"patience": 0}),
        export=ExportOptions(max_tokens=32, limits=Limits(texts=20, flips=0.1)),
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
