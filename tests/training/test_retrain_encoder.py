"""The encoder as a challenger: takes up where it was killed, goes on from the champion."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the encoder needs suda[train]")
pytest.importorskip("transformers", reason="the encoder needs suda[train]")
pytest.importorskip("onnx", reason="the graph is written with onnx")

from model import bundle
from model.encoder.export import ExportOptions
from model.encoder.parity import Limits
from tests.training import encoder_kit as kit
from training.retrain.challenger import Material
from training.retrain.encoder import EncoderChallenger
from training.tracking import FolderTracker

WHEN = datetime(2026, 11, 22, tzinfo=UTC)
OPTIONS = ExportOptions(max_tokens=32, limits=Limits(texts=20, flips=0.1))


def material() -> Material:
    return Material(kit.texts(200), kit.taxonomy(), kit.TAXONOMY.encode())


class KilledError(BaseException):
    """What a kill looks like from within."""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit.checkpoint(tmp_path_factory.mktemp("pretrained") / "encoder")


def challenger(encoder: Path) -> EncoderChallenger:
    run = {"patience": 0, "save_every": 0.001}
    return EncoderChallenger(kit.config(encoder, optimiser={"epochs": 3}, run=run), OPTIONS)


def test_a_killed_training_ends_as_if_it_had_not_been(encoder: Path, tmp_path: Path) -> None:
    whole = challenger(encoder).train(
        material(), tmp_path / "whole", FolderTracker(tmp_path / "a"), lambda _: None
    )
    told = 0

    def kill(words: str) -> None:
        nonlocal told
        told += 1
        if told == 9:
            raise KilledError

    broken = tmp_path / "broken"
    with pytest.raises(KilledError):
        challenger(encoder).train(material(), broken, FolderTracker(tmp_path / "b"), kill)
    tracker = FolderTracker(tmp_path / "b")
    resumed = challenger(encoder).train(material(), broken, tracker, lambda _: None)
    assert resumed.values["best"]["score"] == whole.values["best"]["score"]
    versions = [
        challenger(encoder)
        .export(material(), tmp_path / name, tmp_path / f"{name}-bundle", WHEN, lambda _: None)
        .version
        for name in ("whole", "broken")
    ]
    assert versions[0] == versions[1]
    assert bundle.read(tmp_path / "broken-bundle")[0].created_at == WHEN
    assert len(tracker.rows()) == 3


def test_a_warm_start_keeps_layers_and_heads(encoder: Path, tmp_path: Path) -> None:
    first = challenger(encoder).train(
        material(), tmp_path / "first", FolderTracker(tmp_path / "a"), lambda _: None
    )
    config = kit.config(encoder, optimiser={"epochs": 1}, run={"patience": 0}, model={"layers": 1})
    warm = EncoderChallenger.from_checkpoint(config, tmp_path / "first" / "model-best", OPTIONS)
    assert warm.config.model.layers == 0
    second = warm.train(
        material(), tmp_path / "second", FolderTracker(tmp_path / "b"), lambda _: None
    )
    assert second.values["best"]["score"] >= first.values["best"]["score"] - 0.1
    assert second.values["epochs"] == 1


def test_its_settings_change_with_what_it_starts_from(encoder: Path, tmp_path: Path) -> None:
    other = kit.checkpoint(tmp_path / "other", layers=1)
    assert challenger(encoder).settings()["start"] != challenger(other).settings()["start"]
    assert challenger(encoder).settings() == challenger(encoder).settings()
