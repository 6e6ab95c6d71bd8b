"""The blend in a simulation: it starts as it serves, and its linear half learns."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the encoder needs suda[train]")
pytest.importorskip("transformers", reason="the encoder needs suda[train]")
pytest.importorskip("onnx", reason="the graph is written with onnx")

from data.labelled import LabelledText
from data.splits import partition
from data.text.normalise import normalise
from model.encoder.export import ExportOptions
from model.encoder.parity import Limits
from model.runtime import load
from serving.triage.policy import load as load_policy
from serving.triage.policy import packs_for
from tests.training import encoder_kit as kit
from training.fit_encoder import EncoderRecipe, fit_encoder
from training.simulate.blend import BlendTrainer
from training.simulate.linear import LinearTrainer
from training.simulate.setup import Options, stage_of
from training.simulate.simulate import Plan, simulate
from training.simulate.warm import LinearPlan


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blend")
    recipe = EncoderRecipe(
        run=folder / "run",
        config=kit.config(
            kit.checkpoint(folder / "encoder"), optimiser={"epochs": 1}, blend={"linear": True}
        ),
        export=ExportOptions(max_tokens=32, limits=Limits(texts=20, flips=0.9)),
    )
    fit_encoder(kit.texts(200), kit.taxonomy(), kit.TAXONOMY.encode(), folder / "bundle", recipe)
    return folder / "bundle"


def test_the_first_blend_answers_as_the_bundle_does(path: Path) -> None:
    trainer = BlendTrainer.of_bundle(path, partition(kit.texts(200)), LinearPlan())
    texts = [normalise(item.text) for item in kit.texts(30, seed=9)]
    served, first = load(path).logits(texts), trainer.start().logits(texts)
    for name, logits in served.items():
        # Weights are stored in half precision, so that their blend is fitted a little elsewhere.
        assert (logits.argmax(axis=1) == first[name].argmax(axis=1)).mean() > 0.9
        assert np.abs(logits - first[name]).mean() < 0.1 * np.abs(logits).mean()


def test_its_linear_half_learns_and_forgets_again(path: Path) -> None:
    trainer = BlendTrainer.of_bundle(path, partition(kit.texts(200)), LinearPlan(weight=30))
    head = kit.taxonomy().heads[0]
    told = kit.texts(1)[0].text
    leaf = next(code for code in head.leaves if code != kit.texts(1)[0].labels[head.name])
    column, text = head.leaf_index[leaf], [normalise(told)]
    before = trainer.start().logits(text)[head.name][0, column]
    after = trainer.fit([LabelledText("n", told, {head.name: leaf})] * 3)
    assert after.logits(text)[head.name][0, column] > before
    assert after.predict(text[0]).novelty is not None
    assert trainer.start().logits(text)[head.name][0, column] == pytest.approx(before)


def test_a_stage_takes_the_kind_of_its_bundle_or_its_linear_half(path: Path) -> None:
    taxonomy, base = kit.taxonomy(), kit.texts(200)
    policies, when = load_policy(packs_for(taxonomy), taxonomy), datetime(2026, 11, 1, tzinfo=UTC)
    stage = stage_of(path, base, policies, when, Options())
    assert isinstance(stage.trainer, BlendTrainer)
    result = simulate(stage, kit.texts(60, seed=4), Plan(every=10, up_to=10, seeds=(0,)))
    assert [p.labels for p in result.curve("selection")] == [0, 10]
    alone = stage_of(path, base, policies, when, Options(linear=True))
    assert isinstance(alone.trainer, LinearTrainer)
    assert alone.trainer.start().version.startswith("linear")
