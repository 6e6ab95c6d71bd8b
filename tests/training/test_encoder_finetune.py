from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the encoder needs suda[train]")
pytest.importorskip("transformers", reason="the encoder needs suda[train]")

from data.errors import ConflictError, InputError, NotFoundError  # noqa: E402
from model.encoder.network import EncoderNetwork  # noqa: E402
from tests.training import encoder_kit as kit  # noqa: E402
from training.encoder.checkpoint import write_directory  # noqa: E402
from training.encoder.config import EncoderConfig, OptimiserConfig, load  # noqa: E402
from training.encoder.finetune import Trained, build, fine_tune  # noqa: E402
from training.encoder.loop import Callbacks, Tick  # noqa: E402
from training.encoder.optimiser import factor, peak_rate  # noqa: E402

TAXONOMY = kit.taxonomy()
TRAIN, DEV = kit.texts(160), kit.texts(40, seed=1)
TIMES = ("texts_per_second", "tokens_per_second", "padding")


class KilledError(Exception):
    """Stands for kill -9."""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit.checkpoint(tmp_path_factory.mktemp("encoder"))


def run(config: EncoderConfig, folder: Path, **options: Any) -> Trained:
    return fine_tune(TRAIN, DEV, TAXONOMY, config, folder, **options)


def timeless(history: tuple[Mapping[str, Any], ...]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k not in TIMES} for row in history]


def test_learns_and_writes_a_model_that_loads(encoder: Path, tmp_path: Path) -> None:
    ticks: list[Tick] = []
    config = kit.config(encoder, optimiser={"epochs": 12}, run={"patience": 0})
    done = run(config, tmp_path / "run", callbacks=Callbacks(on_step=ticks.append))
    assert done.history[-1]["loss"] < 0.5 * done.history[0]["loss"]
    assert done.best["score"] > 0.9
    network = EncoderNetwork.load(done.path)
    assert {name: head.out_features for name, head in network.heads.items()} == {
        "where": 4,
        "heat": 3,
    }
    assert (done.path / "tokenizer.json").is_file()
    assert load(tmp_path / "run" / "config.toml") == config
    rows = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row) for row in rows] == list(done.history)
    assert ticks[-1].step == ticks[-1].steps
    assert ticks[-1].tokens_per_second > ticks[-1].texts_per_second > 0
    assert ticks[-1].seconds_left == 0


@pytest.mark.parametrize("die_at", [4, 10, 17])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(
    encoder: Path, tmp_path: Path, die_at: int
) -> None:
    config = kit.config(encoder, run={"save_every": 1e-6})
    whole = run(config, tmp_path / "whole")

    def die(tick: Tick) -> None:
        if tick.step == die_at:
            raise KilledError

    with pytest.raises(KilledError):
        run(config, tmp_path / "cut", callbacks=Callbacks(on_step=die))
    resumed = run(config, tmp_path / "cut", resume=True)
    assert timeless(resumed.history) == timeless(whole.history)
    ours, theirs = (EncoderNetwork.load(done.path).state_dict() for done in (resumed, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_finished_run_resumes_to_its_result(encoder: Path, tmp_path: Path) -> None:
    config = kit.config(encoder, optimiser={"epochs": 1})
    done = run(config, tmp_path / "run")
    assert run(config, tmp_path / "run", resume=True) == done


def test_a_run_is_not_overwritten_nor_resumed_with_other_settings(
    encoder: Path, tmp_path: Path
) -> None:
    config = kit.config(encoder, optimiser={"epochs": 1})
    run(config, tmp_path / "run")
    with pytest.raises(ConflictError, match="resume"):
        run(config, tmp_path / "run")
    with pytest.raises(ConflictError, match="another configuration"):
        run(kit.config(encoder, optimiser={"epochs": 2}), tmp_path / "run", resume=True)


def test_stops_early_and_keeps_the_best(encoder: Path, tmp_path: Path) -> None:
    config = kit.config(
        encoder,
        optimiser={"epochs": 9, "rate": 1e-12, "head_rate": 1e-12},
        run={"patience": 2},
    )
    done = run(config, tmp_path / "run")
    assert len(done.history) == 3
    assert done.best["epoch"] == 0


@pytest.mark.parametrize("regulariser", ["rdrop", "fgm"])
def test_regularisers_train(encoder: Path, tmp_path: Path, regulariser: str) -> None:
    config = kit.config(encoder, loss={"regulariser": regulariser}, batch={"accumulate": 2})
    done = run(config, tmp_path / "run")
    assert done.history[-1]["loss"] < done.history[0]["loss"]
    assert done.history[-1]["step"] == 3 * 5


def test_a_trained_model_can_be_trained_on(encoder: Path, tmp_path: Path) -> None:
    done = run(kit.config(encoder, optimiser={"epochs": 1}), tmp_path / "run")
    network, new = build(TAXONOMY, kit.config(done.path))
    assert not new
    saved = EncoderNetwork.load(done.path)
    assert torch.equal(network.heads["heat"].weight, saved.heads["heat"].weight)


@pytest.mark.parametrize(
    ("section", "values", "field"),
    [
        ("loss", {"heads": {"mood": 1.0}}, "loss.heads"),
        ("model", {"layers": 3}, "model.layers"),
    ],
)
def test_settings_that_do_not_fit_are_named(
    encoder: Path, tmp_path: Path, section: str, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(InputError) as caught:
        run(kit.config(encoder, **{section: values}), tmp_path / "run")
    assert caught.value.field == field


def test_no_texts_and_no_encoder_are_named(encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="split dev"):
        fine_tune(TRAIN, [], TAXONOMY, kit.config(encoder), tmp_path / "run")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "tokenizer.json").write_bytes((encoder / "tokenizer.json").read_bytes())
    with pytest.raises(NotFoundError, match=r"config\.json"):
        run(kit.config(tmp_path / "empty"), tmp_path / "run")


def test_rates_fall_layer_by_layer() -> None:
    config = OptimiserConfig(rate=1.0, head_rate=5.0, layer_decay=0.5)
    names = ("heads.a.weight", "encoder.encoder.layer.1.x", "encoder.encoder.layer.0.x")
    assert [peak_rate(name, 2, config) for name in names] == [5.0, 1.0, 0.5]
    assert peak_rate("encoder.embeddings.word_embeddings.weight", 2, config) == 0.25


def test_the_rate_rises_then_falls_to_zero() -> None:
    shares = [factor(step, 100, 0.1) for step in range(101)]
    assert shares.index(max(shares)) == 10
    assert 0 < shares[0] < 0.2
    assert shares[100] == 0


def test_a_directory_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "model"
    for content in ("first", "second"):

        def fill(path: Path, content: str = content) -> None:
            (path / "a").write_text(content)

        write_directory(target, fill)
    assert (target / "a").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_replacement_cut_off_between_its_renames_is_undone(encoder: Path, tmp_path: Path) -> None:
    config = kit.config(encoder, optimiser={"epochs": 1})
    done = run(config, tmp_path / "run")
    done.path.rename(tmp_path / "run" / ".model-best.old")
    again = run(config, tmp_path / "run", resume=True)
    assert EncoderNetwork.load(again.path).heads.keys() == {"where", "heat"}


def test_new_heads_are_fitted_before_the_encoder_moves(encoder: Path, tmp_path: Path) -> None:
    slow = {"epochs": 1, "rate": 1e-12, "head_rate": 1e-12}
    fitted, untouched = (
        run(kit.config(encoder, optimiser={**slow, "probe": steps}), tmp_path / str(steps))
        for steps in (100, 0)
    )
    assert fitted.best["score"] > 0.8 > untouched.best["score"]
