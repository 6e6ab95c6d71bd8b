"""Every transform changes a text it is made for, always in the same way, and not its meaning."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from data.text.normalise import normalise
from eval.behaviours.transforms import TRANSFORMS
from eval.behaviours.words import words

ROOT = Path(__file__).parents[2]
TEXT = (
    "我是招商银行的客户，信用卡尾号3381，4月12日在温州被扣了300元年费，没有人告诉我为什么！"
    "王经理说已经登记了，工单号2026051788，APP里现在还是查不到，要求退款。"
)


@pytest.mark.parametrize("name", sorted(TRANSFORMS))
def test_it_changes_the_text_and_is_deterministic(name: str) -> None:
    changed = TRANSFORMS[name](TEXT)
    assert changed != TEXT
    assert TRANSFORMS[name](TEXT) == changed


@pytest.mark.parametrize("name", sorted(TRANSFORMS))
def test_amounts_stay(name: str) -> None:
    assert "300元" in normalise(TRANSFORMS[name](TEXT)).text


@pytest.mark.parametrize("name", sorted(TRANSFORMS))
def test_an_empty_text_stays_harmless(name: str) -> None:
    assert isinstance(TRANSFORMS[name](""), str)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("full_width", "４月１２日"),
        ("half_width", "客户,信用卡"),
        ("to_traditional", "銀行的客戶"),
        ("without_marks", "客户信用卡"),
        ("blanks_for_marks", "客户 信用卡"),
        ("masked_numbers", "尾号****"),
        ("other_numbers", "尾号6952，5月21日"),
        ("other_bank", "中国工商银行的客户"),
        ("other_person", "周经理"),
        ("other_place", "在长沙被扣"),
        ("colloquial", "没得人告诉我为啥"),
        ("other_case", "app里"),
        ("line_breaks", "！\n王经理"),
        ("zero_width", "我\u200b是"),
    ],
)
def test_what_it_does(name: str, changed: str) -> None:
    assert changed in TRANSFORMS[name](TEXT)


@pytest.mark.parametrize("name", ["full_width", "to_traditional", "mixed_script", "zero_width"])
def test_the_normaliser_undoes_width_script_and_the_invisible(name: str) -> None:
    assert normalise(TRANSFORMS[name](TEXT)).text == normalise(TEXT).text


@pytest.mark.parametrize("name", ["homophones", "look_alikes"])
def test_slips_are_few_and_keep_the_length(name: str) -> None:
    changed = TRANSFORMS[name](TEXT)
    assert len(changed) == len(TEXT)
    assert 1 <= sum(a != b for a, b in zip(TEXT, changed, strict=True)) <= 6


def test_the_slips_tables_exchange_equal_lengths_and_no_negation() -> None:
    for table in (words().homophones, words().look_alikes):
        assert all(len(old) == len(new) and old != new for old, new in table.items())
    assert not set("不未别无") & set("".join(words().homophones))


def test_added_stories_carry_no_word_of_a_complaint() -> None:
    added = "".join([*words().stories, *words().openings, *words().closings])
    assert not re.search(r"银行|卡|钱|投诉|老人|岁|病|起诉|曝光|客服|催|骗|\d", added)


def test_another_process_gives_the_same() -> None:
    script = (
        "import sys; from eval.behaviours.transforms import TRANSFORMS; "
        "sys.stdout.reconfigure(encoding='utf-8'); "
        f"print([TRANSFORMS[n]({TEXT!r}) for n in sorted(TRANSFORMS)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        check=True,
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)},
    )
    here = [TRANSFORMS[name](TEXT) for name in sorted(TRANSFORMS)]
    assert done.stdout.decode().strip() == str(here)
