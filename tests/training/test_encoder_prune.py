from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the encoder needs suda[train]")
pytest.importorskip("transformers", reason="the encoder needs suda[train]")
pytest.importorskip("onnx", reason="the graph is written with onnx")

from torch import Tensor  # noqa: E402

from data.errors import InputError  # noqa: E402
from model.encoder import graph  # noqa: E402
from model.encoder.narrow import KEPT_HEADS, open_narrow  # noqa: E402
from model.encoder.network import EncoderNetwork  # noqa: E402
from model.encoder.session import open_session  # noqa: E402
from model.encoder.weights import weights_of  # noqa: E402
from model.runtime import load  # noqa: E402
from tests.training import encoder_kit as kit  # noqa: E402
from training.encoder.config import EncoderConfig, PruneConfig, dump  # noqa: E402
from training.encoder.config import load as load_config  # noqa: E402
from training.encoder.distil import Cut, distil  # noqa: E402
from training.encoder.finetune import fine_tune  # noqa: E402
from training.encoder.prune import Importance, importance_of, pruned  # noqa: E402
from training.encoder.texts import Batch  # noqa: E402
from training.fit_encoder import fit_encoder  # noqa: E402

TAXONOMY = kit.taxonomy()
TRAIN, DEV = kit.texts(160), kit.texts(40, seed=1)
IDS = torch.tensor([[0, 5, 6, 7, 8, 2], [0, 9, 10, 2, 1, 1]])
MASK = (IDS != 1).long()
BATCH = Batch(IDS, MASK, torch.tensor([0, 1]))


@pytest.fixture
def network(tmp_path: Path) -> EncoderNetwork:
    encoder = open_narrow(kit.checkpoint(tmp_path / "encoder"))
    return EncoderNetwork(encoder, {"where": 4, "heat": 3}, dropout=0.0).eval()


def layers(network: EncoderNetwork) -> Any:
    stack: Any = network.encoder.encoder
    return stack.layer


def idle(network: EncoderNetwork, *, heads: list[int], neurons: list[int]) -> None:
    """Let no layer use these heads and neurons: what reads them is zero."""
    size = 16
    with torch.no_grad():
        for layer in layers(network):
            for head in heads:
                layer.attention.output.dense.weight[:, head * size : (head + 1) * size] = 0
            layer.output.dense.weight[:, neurons] = 0


def loss(network: EncoderNetwork, batch: Batch) -> Tensor:
    logits = network(batch.ids, batch.mask).logits
    return logits["where"].logsumexp(1) + (logits["heat"] ** 2).sum(1)


def logits(network: EncoderNetwork) -> Tensor:
    with torch.no_grad():
        return torch.cat(list(network(IDS, MASK).logits.values()), dim=1)


def test_what_no_layer_uses_goes_first_and_changes_nothing(network: EncoderNetwork) -> None:
    unused = list(range(3, 64, 4))
    idle(network, heads=[0], neurons=unused)
    importance = importance_of(network, [BATCH], lambda batch: loss(network, batch))
    for layer in importance:
        assert layer.heads[0] == 0 < layer.heads[1]
        assert (layer.neurons[unused] == 0).all()
        assert (layer.neurons > 0).sum() == 48
    smaller = pruned(network, importance, 1, 48)
    assert layers(smaller)[0].attention.self.query.weight.shape == (16, 32)
    assert layers(smaller)[1].output.dense.weight.shape == (32, 48)
    torch.testing.assert_close(logits(smaller), logits(network), atol=1e-5, rtol=1e-4)
    # The one it was cut from is as it was.
    assert layers(network)[0].attention.self.query.weight.shape == (32, 32)


def test_nothing_is_left_of_the_watching(network: EncoderNetwork) -> None:
    before = logits(network)
    network.train()
    importance_of(network, [BATCH], lambda batch: loss(network, batch))
    assert network.training
    assert all(parameter.grad is None for parameter in network.parameters())
    network.eval()
    torch.testing.assert_close(logits(network), before)
    for module in network.modules():
        assert not module._forward_pre_hooks


def test_a_cut_network_is_saved_opened_and_exported(
    network: EncoderNetwork, tmp_path: Path
) -> None:
    importance = importance_of(network, [BATCH], lambda batch: loss(network, batch))
    smaller = pruned(network, importance, 1, 40)
    smaller.save(tmp_path / "saved")
    opened = EncoderNetwork.load(tmp_path / "saved").eval()
    assert getattr(opened.encoder.config, KEPT_HEADS) == 1
    torch.testing.assert_close(logits(opened), logits(smaller))
    weights = weights_of(opened, 32)
    assert weights.attention_heads == 1
    session = open_session(graph.build(weights).SerializeToString())
    found = session.run(IDS.numpy(), MASK.numpy())[1]
    np.testing.assert_allclose(found, logits(smaller).numpy(), atol=1e-4)


def test_every_unit_is_kept_where_none_is_to_go(network: EncoderNetwork) -> None:
    some = [Importance(torch.rand(2), torch.rand(64)) for _ in range(2)]
    same = pruned(network, some, 0, 0)
    torch.testing.assert_close(logits(same), logits(network))


@pytest.mark.parametrize(("heads", "neurons", "key"), [(3, 0, "heads"), (0, 65, "feed_forward")])
def test_more_than_there_are_is_refused(
    network: EncoderNetwork, heads: int, neurons: int, key: str
) -> None:
    some = [Importance(torch.rand(2), torch.rand(64)) for _ in range(2)]
    with pytest.raises(InputError, match="expected at most") as error:
        pruned(network, some, heads, neurons)
    assert error.value.field == f"prune.{key}"


def test_a_cut_network_is_taught_on(tmp_path: Path) -> None:
    encoder = kit.checkpoint(tmp_path / "encoder")
    config = kit.config(encoder, optimiser={"epochs": 8})
    teacher = fine_tune(TRAIN, DEV, TAXONOMY, config, tmp_path / "teacher").path
    config = kit.config(teacher, model={"layers": 2}, optimiser={"epochs": 6})
    cut = Cut(teacher, PruneConfig(heads=1, batches=4))
    run = tmp_path / "run"
    done = distil(teacher, TRAIN, [], DEV, TAXONOMY, config, run, cut=cut)
    network = EncoderNetwork.load(done.path)
    assert getattr(network.encoder.config, KEPT_HEADS) == 1
    assert layers(network)[0].output.dense.in_features == 64
    assert done.best["score"] > 0.8


def load_config_again(config: EncoderConfig, folder: Path) -> EncoderConfig:
    path = folder / "config.toml"
    path.write_text(dump(config), encoding="utf-8")
    return load_config(path)


def test_a_student_is_cut_exported_and_serves(tmp_path: Path) -> None:
    encoder = kit.checkpoint(tmp_path / "encoder", layers=3)
    config = kit.config(
        encoder,
        optimiser={"epochs": 8},
        student={"layers": 2, "rate": 3e-3, "epochs": 6, "unlabelled": 50},
        run={"patience": 0},
    )
    first = PruneConfig(feed_forward=32, rate=3e-3, epochs=3, unlabelled=80)
    second = PruneConfig(heads=1, feed_forward=24, rate=3e-3, epochs=6)
    config = replace(config, prune=(first, second))
    assert load_config_again(config, tmp_path) == config
    recipe = kit.recipe(tmp_path, config)
    texts = kit.texts(300)
    manifest = fit_encoder(
        texts, kit.taxonomy(), kit.TAXONOMY.encode(), tmp_path / "bundle", recipe
    )
    assert manifest.metrics["test"]["where"]["accuracy"] > 0.9
    cuts = manifest.training["config"]["prune"]
    assert [cut["feed_forward"] for cut in cuts] == [32, 24]
    assert load(tmp_path / "bundle").version == manifest.version
    runs = {name: tmp_path / "run" / name / "model-best" for name in ("student", "pruned-2")}
    kept = {name: getattr(open_narrow(run).config, KEPT_HEADS, None) for name, run in runs.items()}
    assert kept == {"student": None, "pruned-2": 1}
