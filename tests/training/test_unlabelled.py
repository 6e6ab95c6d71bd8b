from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the encoder needs suda[train]")

from training.encoder.unlabelled import generate

TEXTS = [
    "我的卡被盗刷了。打了三次电话。没人管!",
    "贷款利率说好三点八,实际五点二,客服互相推诿",
    "你们的手机银行登录不上。",
]


def test_pieces_and_mixtures_are_new_and_repeatable() -> None:
    made = generate(TEXTS, 20, seed=1)
    assert made == generate(TEXTS, 20, seed=1)
    assert made != generate(TEXTS, 20, seed=2)
    assert len(set(made)) == len(made) > 8
    assert not set(made) & set(TEXTS)


def test_nothing_is_invented() -> None:
    whole = "".join(TEXTS)
    for text in generate(TEXTS, 20, seed=3):
        assert any(text[:cut] in whole and text[cut:] in whole for cut in range(len(text) + 1))


def test_too_few_texts_give_fewer() -> None:
    assert generate([], 5, seed=0) == []
    assert len(generate(["不分句的一段"], 5, seed=0)) == 1
