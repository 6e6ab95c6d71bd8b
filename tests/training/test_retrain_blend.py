"""A blend as a challenger: the encoder stays as it serves, the words are learnt anew."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the encoder needs suda[train]")
pytest.importorskip("transformers", reason="the encoder needs suda[train]")
pytest.importorskip("onnx", reason="the graph is written with onnx")

from data.errors import InputError
from data.text.normalise import normalise
from model import bundle, seen
from model.blend.runtime import BlendClassifier
from model.encoder.export import ExportOptions
from model.encoder.parity import Limits
from model.runtime import load
from tests.training import encoder_kit as kit
from training.fit_encoder import EncoderRecipe, fit_encoder
from training.retrain.blend import BlendChallenger
from training.retrain.challenger import Material, challenger_of
from training.retrain.plan import RetrainPlan
from training.retrain.start import Start
from training.tracking import FolderTracker

WHEN = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blend")
    recipe = EncoderRecipe(
        run=folder / "run",
        config=kit.config(
            kit.checkpoint(folder / "encoder"), optimiser={"epochs": 6}, blend={"linear": True}
        ),
        export=ExportOptions(max_tokens=32, limits=Limits(texts=20, flips=0.5)),
    )
    fit_encoder(kit.texts(200), kit.taxonomy(), kit.TAXONOMY.encode(), folder / "bundle", recipe)
    return folder / "bundle"


def test_new_words_are_learnt_and_the_encoder_stays(champion: Path, tmp_path: Path) -> None:
    # A word that no text of the champion's had, and that people say means the far south.
    told = [
        replace(
            item,
            id=f"new-{n}",
            text="椰城" + re.sub("[京沈广海]", "", item.text),
            labels={**item.labels, "where": "S2"},
        )
        for n, item in enumerate(kit.texts(160, seed=5))
    ]
    material = Material([*kit.texts(200), *told], kit.taxonomy(), kit.TAXONOMY.encode())
    challenger = BlendChallenger(champion)
    folder, target = tmp_path / "training", tmp_path / "bundle"
    challenger.train(material, folder, FolderTracker(tmp_path / "run"), lambda _: None)
    manifest = challenger.export(material, folder, target, WHEN, lambda _: None)
    old = bundle.read(champion)[0]
    assert manifest.kind == "blend"
    assert manifest.files["model.onnx"] == old.files["model.onnx"]
    assert manifest.files["weights.npz"] != old.files["weights.npz"]
    assert manifest.training["encoder_of"] == old.version
    model = load(target)
    assert isinstance(model, BlendClassifier)
    text = normalise("椰城的一是在不")
    before, after = (
        float(m.predict(text).heads["where"].probabilities[m.taxonomy["where"].leaf_index["S2"]])
        for m in (load(champion), model)
    )
    assert after > max(0.5, before)


def test_what_the_encoder_saw_stays_seen(champion: Path, tmp_path: Path) -> None:
    others = kit.texts(200, seed=9)
    material = Material(others, kit.taxonomy(), kit.TAXONOMY.encode())
    challenger = BlendChallenger(champion)
    challenger.train(material, tmp_path / "t", FolderTracker(tmp_path / "run"), lambda _: None)
    challenger.export(material, tmp_path / "t", tmp_path / "bundle", WHEN, lambda _: None)
    old, new = seen.load(champion), seen.load(tmp_path / "bundle")
    assert old is not None
    assert new is not None
    assert set(old.trained) < set(new.trained)


def test_without_a_champion_there_is_no_encoder_to_keep(tmp_path: Path) -> None:
    plan = RetrainPlan(data=tmp_path, registry=tmp_path / "models", kind="blend")
    with pytest.raises(InputError, match="keeps the champion's encoder"):
        challenger_of(plan, Start(WHEN, "blend", None, None))
