from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.errors import BundleError
from data.text.normalise import normalise
from model.encoder.tokens import TokenReader
from tests.model.encoder_fixtures import MAX_TOKENS, tiny_tokenizer


@pytest.fixture
def reader() -> TokenReader:
    return TokenReader(tiny_tokenizer(), MAX_TOKENS)


def test_every_character_has_a_token(reader: TokenReader) -> None:
    text = normalise("老师在北京吃苹果")
    tokens = reader.read(text)
    covered = {i for start, end in tokens.spans for i in range(start, end)}
    assert covered == set(range(len(text.text)))
    assert (tokens.ids[0], tokens.ids[-1]) == (0, 2)
    assert not tokens.truncated
    assert tokens.unknown == 0


def test_shares_are_spread_without_loss(reader: TokenReader) -> None:
    text = normalise("老师在 北京吃苹果")
    tokens = reader.read(text)
    shares = np.arange(1, len(tokens.ids) + 1, dtype=np.float32)
    characters, elsewhere = tokens.spread(shares, len(text.text)), tokens.elsewhere(shares)
    assert characters.shape == (len(text.text),)
    assert characters.sum() + elsewhere == pytest.approx(shares.sum(), rel=1e-6)
    assert elsewhere >= shares[0] + shares[-1]


def test_long_texts_keep_their_two_ends(reader: TokenReader) -> None:
    text = normalise("老师" + "吃" * 100 + "海口")
    tokens = reader.read(text)
    assert tokens.truncated
    assert len(tokens.ids) == MAX_TOKENS
    assert (tokens.ids[0], tokens.ids[-1]) == (0, 2)
    assert tokens.spans[-2].tolist() == [102, 104]
    assert tokens.spans[1:3].max() <= 2


def test_books_are_cut_before_they_are_read(reader: TokenReader) -> None:
    text = normalise("老师" + "吃在" * 5_000 + "海口")
    tokens = reader.read(text)
    assert tokens.truncated
    assert tokens.spans[-2].tolist() == [len(text.text) - 2, len(text.text)]
    assert tokens.unknown == 0


def test_what_no_piece_covers_is_counted_in_characters(reader: TokenReader) -> None:
    assert reader.read(normalise("吃ξξξ")).unknown == pytest.approx(0.75)
    assert reader.read(normalise("ξ")).unknown == 1.0
    assert reader.read(normalise("")).unknown == 0.0


def test_a_file_that_is_no_tokenizer_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    with pytest.raises(BundleError, match=r"tokenizer\.json: is not a tokenizer"):
        TokenReader.load(path, MAX_TOKENS)
