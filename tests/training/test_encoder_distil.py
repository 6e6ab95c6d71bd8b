from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the encoder needs suda[train]")
pytest.importorskip("transformers", reason="the encoder needs suda[train]")

from data.errors import InputError  # noqa: E402
from data.labelled import LabelledText  # noqa: E402
from data.taxonomy.load import parse  # noqa: E402
from model.encoder.network import EncoderNetwork  # noqa: E402
from tests.conftest import TWO_LABELS  # noqa: E402
from tests.training import encoder_kit as kit  # noqa: E402
from training.encoder.distil import distance, distil, student_of  # noqa: E402
from training.encoder.finetune import fine_tune  # noqa: E402
from training.encoder.layers import choose_layers, depth  # noqa: E402
from training.encoder.mlm import Masking, pretrain  # noqa: E402
from training.encoder.texts import Batch  # noqa: E402

TAXONOMY = kit.taxonomy()
TRAIN, DEV = kit.texts(160), kit.texts(40, seed=1)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher")
    encoder = kit.checkpoint(folder / "encoder", layers=4)
    config = kit.config(encoder, optimiser={"epochs": 8})
    return fine_tune(TRAIN, DEV, TAXONOMY, config, folder / "run").path


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("first", (0, 1, 2)), ("last", (9, 10, 11)), ("spaced", (3, 7, 11))],
)
def test_layer_choices(choice: str, expected: tuple[int, ...]) -> None:
    assert choose_layers(12, 3, choice) == expected  # type: ignore[arg-type]


def test_spaced_layers_end_at_the_last_and_are_all_when_all_are_wanted() -> None:
    assert choose_layers(12, 5, "spaced")[-1] == 11
    assert choose_layers(6, 6, "spaced") == tuple(range(6))
    with pytest.raises(InputError, match="1 to 12"):
        choose_layers(12, 13, "first")


def test_a_student_begins_with_the_teachers_layers(teacher: Path) -> None:
    master = EncoderNetwork.load(teacher)
    student = student_of(master, (1, 3), kit.config(teacher))
    assert (depth(student.encoder), depth(master.encoder)) == (2, 4)
    name = "encoder.encoder.layer.{}.output.dense.weight"
    ours, theirs = student.state_dict()[name.format(1)], master.state_dict()[name.format(3)]
    assert torch.equal(ours, theirs)
    assert ours.data_ptr() != theirs.data_ptr()


def test_distils_with_unlabelled_texts(teacher: Path, tmp_path: Path) -> None:
    config = kit.config(teacher, model={"layers": 2}, optimiser={"epochs": 8})
    more = [item.text for item in kit.texts(80, seed=2)]
    done = distil(teacher, TRAIN, more, DEV, TAXONOMY, config, tmp_path / "run")
    assert done.history[-1]["loss"] < 0.8 * done.history[0]["loss"]
    assert done.best["score"] > 0.8
    assert depth(EncoderNetwork.load(done.path).encoder) == 2


def test_learns_from_the_teacher_alone(teacher: Path, tmp_path: Path) -> None:
    config = kit.config(
        teacher, model={"layers": 1}, distil={"gold": 0.0, "hidden": 0.0}, optimiser={"epochs": 2}
    )
    bare = [LabelledText(item.id, item.text, {}) for item in TRAIN]
    done = distil(teacher, bare, [], DEV, TAXONOMY, config, tmp_path / "run")
    assert done.history[-1]["loss"] < done.history[0]["loss"]


def test_a_teacher_that_does_not_fit_is_refused(teacher: Path, tmp_path: Path) -> None:
    other = parse(TWO_LABELS.encode(), name="two")
    config = kit.config(teacher, model={"layers": 2})
    with pytest.raises(InputError, match="answers heads"):
        distil(teacher, TRAIN, [], DEV, other, config, tmp_path / "run")
    with pytest.raises(InputError, match=r"heads\.json"):
        distil(tmp_path, TRAIN, [], DEV, TAXONOMY, config, tmp_path / "run")


def test_distance_ignores_padding_and_scale() -> None:
    one = torch.randn(2, 3, 8)
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    other = one * 5
    other[0, 2] = 99 * torch.randn(8)
    assert distance([one], [other], mask).max() < 1e-4
    assert distance([one], [torch.randn(2, 3, 8)], mask).min() > 0.1


def test_masking_spares_special_tokens_and_padding() -> None:
    masking = Masking(mask=9, special=frozenset({0, 2, 9}), pieces=8)
    ids = torch.full((50, 40), 5)
    ids[:, 0], ids[:, -1] = 0, 2
    mask = torch.ones_like(ids)
    mask[:, 30:] = 0
    hidden, chosen = masking.hide(
        Batch(ids, mask, torch.arange(50)), torch.Generator().manual_seed(0)
    )
    assert not chosen[:, 0].any()
    assert not chosen[:, 30:].any()
    assert 0.12 < float(chosen[:, 1:30].float().mean()) < 0.18
    assert torch.equal(hidden[~chosen], ids[~chosen])
    assert 0.75 < float((hidden[chosen] == 9).float().mean()) < 0.85


def test_continued_pretraining_learns_and_its_encoder_fine_tunes(tmp_path: Path) -> None:
    encoder = kit.checkpoint(tmp_path / "encoder")
    config = kit.config(encoder, optimiser={"epochs": 4})
    done = pretrain([item.text for item in kit.texts(200)], config, tmp_path / "run")
    assert done.history[-1]["loss"] < done.history[0]["loss"]
    tuned = kit.config(done.path, optimiser={"epochs": 1})
    assert fine_tune(TRAIN, DEV, TAXONOMY, tuned, tmp_path / "tuned").history
