from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from data.errors import BundleError
from data.text.normalise import normalise
from model import bundle
from model.encoder.runtime import EncoderClassifier
from model.encoder.session import open_session
from model.runtime import load
from tests.model.encoder_fixtures import exported

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model() -> EncoderClassifier:
    return EncoderClassifier.load(exported().bundle)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported().bundle, tmp_path / "copy"))


def change(path: Path, **values: object) -> None:
    manifest = json.loads((path / bundle.MANIFEST).read_text())
    manifest |= values
    (path / bundle.MANIFEST).write_text(json.dumps(manifest))


def test_it_answers_every_head(model: EncoderClassifier) -> None:
    assert load(exported().bundle).version == model.version
    prediction = model.predict(normalise("老師在北京吃蘋果"), top_k=2)
    assert list(prediction.heads) == ["where", "what", "who"]
    for name, head in prediction.heads.items():
        assert head.probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert len(head.probabilities) == len(model.taxonomy[name].leaves)
        for evidence in head.evidence:
            assert "老師在北京吃蘋果"[evidence.start : evidence.end] == evidence.text
    assert prediction.novelty is not None
    assert prediction.novelty >= 0


def test_shares_of_all_tokens_and_the_bias_sum_to_the_logit(model: EncoderClassifier) -> None:
    for original in ("老师在北京吃苹果", "老师 ξ 北京\n吃", "", "老师" * 60):
        text = normalise(original)
        logits = model.logits([text])
        for head in model.taxonomy.heads:
            for column, leaf in enumerate(head.leaves):
                shares = model.shares(head.name, leaf, text)
                assert shares.characters.shape == (len(text.text),)
                assert shares.total == pytest.approx(logits[head.name][0, column], abs=1e-4)


def test_the_bias_of_the_shares_is_the_heads_own(model: EncoderClassifier) -> None:
    for head in model.taxonomy.heads:
        own = exported().network.heads.state_dict()[f"{head.name}.bias"].numpy()
        for column, leaf in enumerate(head.leaves):
            bias = model.shares(head.name, leaf, normalise("老师吃苹果")).bias
            assert bias == pytest.approx(own[column], abs=1e-4)


def test_evidence_weights_are_exact_shares(model: EncoderClassifier) -> None:
    text = normalise("老师在北京吃苹果")
    for name, head in model.predict(text).heads.items():
        shares = model.shares(name, head.leaf, text).characters
        for evidence in head.evidence:
            exact = shares[evidence.start : evidence.end].sum()
            assert evidence.weight == pytest.approx(exact, abs=1e-3)


def test_the_same_text_gives_the_same_bits_on_any_thread(model: EncoderClassifier) -> None:
    texts = [normalise(item.text) for item in exported().texts[:60]] * 3

    def bits(text: object) -> list[bytes]:
        heads = model.predict(text).heads.values()  # type: ignore[arg-type]
        return [head.probabilities.tobytes() for head in heads]

    alone = [bits(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(bits, texts)) == alone
    stacked = model.logits(texts[:7])["what"]
    single = np.concatenate([model.logits([text])["what"] for text in texts[:7]])
    assert np.array_equal(stacked, single)
    assert model.logits([])["what"].shape == (0, 3)


def test_long_texts_are_truncated_and_say_so(model: EncoderClassifier) -> None:
    prediction = model.predict(normalise("老师" + "吃" * 200 + "海口"))
    assert prediction.truncated
    assert not model.predict(normalise("老师吃")).truncated


@pytest.mark.parametrize("original", ["?", "", "ΩΩΩ", "😀", "好" * 20_000, "\ud800好", "\n"])
def test_strange_texts_get_an_answer(model: EncoderClassifier, original: str) -> None:
    prediction = model.predict(normalise(original))
    assert set(prediction.heads) == {"where", "what", "who"}
    assert 0 <= prediction.unknown_rate <= 1


@pytest.mark.parametrize(
    ("runtime", "said"),
    [
        ({}, r"runtime\.max_tokens"),
        ({"max_tokens": 0, "heads": []}, r"runtime\.max_tokens"),
        ({"max_tokens": 24, "heads": ["where"]}, r"runtime\.heads are not"),
    ],
)
def test_a_runtime_that_does_not_fit_is_refused(
    copy: Path, runtime: dict[str, object], said: str
) -> None:
    change(copy, runtime=runtime)
    with pytest.raises(BundleError, match=said):
        load(copy)


def test_a_missing_part_is_named(copy: Path) -> None:
    files = json.loads((copy / bundle.MANIFEST).read_text())["files"]
    change(copy, files={k: v for k, v in files.items() if k != "novelty.npz"})
    with pytest.raises(BundleError, match=r"novelty\.npz is not among"):
        load(copy)


def test_a_graph_that_cannot_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"not a graph")
    with pytest.raises(BundleError, match=r"model\.onnx: cannot be run"):
        open_session(path)


def test_it_serves_without_torch() -> None:
    script = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "onnx", "sklearn", "scipy"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refuse())
from pathlib import Path
from data.text.normalise import normalise
from model.runtime import load
print(len(load(Path({str(exported().bundle)!r})).predict(normalise("老师吃苹果")).heads))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "3", done.stderr
