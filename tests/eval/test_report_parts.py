"""What the report is made of."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from data.errors import FileFormatError
from data.taxonomy.schema import HeadKind
from eval.metrics import Figure
from eval.report import numbers, plots
from eval.report.build import PAGE
from eval.report.cases import highlight
from eval.report.confusion import REST, heat_map
from eval.report.gates import rule
from eval.report.rows import course_of, rows
from eval.report.words import phrase, say, words
from eval.suite.result import Status
from tests.eval.report_samples import metric, mood


def test_every_word_that_the_page_says_is_known() -> None:
    sources = [*PAGE.glob("*.j2"), *PAGE.parent.glob("*.py")]
    said = {
        key
        for path in sources
        for key in re.findall(r'\bsay\(\s*"([a-z0-9_]+)"[,)\s]', path.read_text(encoding="utf-8"))
    }
    families = {key for key in said if key.endswith("_")}
    assert len(said) > 80
    assert said - families <= set(words())
    assert families == set(FAMILIES)


FAMILIES = {
    "kind_": get_args(HeadKind),
    "structure_": get_args(HeadKind),
    "gate_": (*get_args(Status), "required", "spared"),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_kind_has_its_words(family: str) -> None:
    assert {f"{family}{kind}" for kind in FAMILIES[family]} <= set(words())


def test_words_fill_in_the_same_names_in_both_languages() -> None:
    for zh, en in words().values():
        assert set(re.findall(r"{(\w+)}", zh)) == set(re.findall(r"{(\w+)}", en))


def test_words_without_english_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.yaml"
    path.write_text("title: {zh: 报告}", encoding="utf-8")
    with pytest.raises(FileFormatError, match="title: expected zh and en"):
        words(path)


def test_phrases_escape_what_fills_them_in() -> None:
    said = say("case_confidence", answer=phrase("<b>", "<i>"), confidence="50%")
    assert said.zh == "&lt;b&gt;（50%）"
    assert said.en == "&lt;i&gt; (50%)"


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("accuracy", 0.8125, "81.2%"),
        ("product.accuracy", 0.5, "50.0%"),
        ("level2", 1.0, "100.0%"),
        ("macro_f1", 0.5, "0.500"),
        ("variant", 3.0, "3"),
        ("latency_ms", 0.42, "0.42 ms"),
        ("size_mb", 12.34, "12.3 MB"),
        ("ece", None, "–"),
        ("ece", float("nan"), "–"),
    ],
)
def test_figures_are_written_as_they_are_measured(
    name: str, value: float | None, written: str
) -> None:
    assert numbers.show(name, value) == written


def test_differences_are_signed_and_shares_in_points() -> None:
    assert numbers.difference("accuracy", -0.0123) == "−1.2"
    assert numbers.difference("macro_f1", 0.0123) == "+0.012"
    assert numbers.difference("accuracy", -0.0001) == "±0.0"


@pytest.mark.parametrize(
    ("text", "name", "zh"),
    [
        ("≥ 0.6", "accuracy", "≥ 60%"),
        ("≤ 0", "leaked", "≤ 0%"),
        ("≤ 60", "latency_ms", "≤ 60 ms"),
        ("loss to champion ≤ 0.015 (p < 0.01)", "recall", "比冠军变差 ≤ 1.5 pp (p &lt; 0.01)"),
        ("times the champion's ≤ 1.5", "latency_ms", "冠军的倍数 ≤ 1.5"),
        ("something <new>", "accuracy", "something &lt;new&gt;"),
    ],
)
def test_limits_are_read_in_chinese(text: str, name: str, zh: str) -> None:
    assert rule(text, name).zh == zh


def test_better_lies_to_the_right_whichever_way_a_metric_runs() -> None:
    higher, lower = rows(
        [metric("accuracy", 0.8, gap=0.05), metric("ece", 0.1, better="lower", gap=-0.05)]
    )
    assert higher.strip is not None
    assert lower.strip is not None
    assert higher.strip.value == lower.strip.value > (higher.strip.zero or 0)
    assert (higher.course, lower.course) == ("better", "better")


def test_a_difference_counts_where_its_interval_leaves_out_zero() -> None:
    assert course_of(metric("accuracy", 0.8, gap=-0.05)) == "worse"
    assert course_of(metric("accuracy", 0.8, gap=0.005)) == "even"
    assert course_of(metric("accuracy", 0.8)) == ""


def test_without_a_champion_a_figure_above_one_is_not_drawn() -> None:
    cost = replace(metric("misrouting_cost", 0.9), value=Figure(1.9, 1.7, 2.1))
    assert rows([cost])[0].strip is None


def test_evidence_is_marked_where_it_stands_and_overlaps_are_one() -> None:
    text = "刷卡<满>六笔返五十"
    marked = str(highlight(text, [(0, 3, 0.2), (2, 5, 0.4), (6, 8, 0.1)]))
    assert re.sub(r"</?mark[^>]*>", "", marked) == "刷卡&lt;满&gt;六笔返五十"
    assert re.findall(r"<mark[^>]*>(.*?)</mark>", marked) == ["刷卡&lt;满&gt;", "笔返"]


def test_long_texts_are_cut_around_the_strongest_evidence() -> None:
    text = "款" * 900 + "证据" + "费" * 900
    marked = str(highlight(text, [(0, 2, 0.1), (900, 902, 0.9)], most=100))
    assert ">证据</mark>" in marked
    assert marked.startswith("…")
    assert marked.endswith("…")
    assert len(re.sub(r"</?mark[^>]*>", "", marked)) == 102


def test_the_heat_map_keeps_all_texts_and_lumps_the_least() -> None:
    head = replace(
        mood(),
        labels={code: code for code in "abcd"},
        matrix=(("a", "a", 9), ("a", "b", 5), ("b", "b", 7), ("c", "c", 1), ("d", "c", 1)),
    )
    drawn = heat_map(head, (), most=2)
    assert drawn.codes == ("a", "b", REST)
    assert sum(cell.n for row in drawn.rows for cell in row) == 23
    assert drawn.lumped == 2
    assert drawn.totals == (14, 7, 2)
    assert [row[i].tint for i, row in enumerate(drawn.rows)] == ["blue", "blue", "grey"]


def test_plots_stay_on_the_paper() -> None:
    curve = [(i / 1000, (i / 1000) ** 2) for i in range(1, 1001)]
    plot = plots.risk_coverage(curve, promised_risk=0.1, working=(0.4, 0.16), champion=curve)
    paths = [line.path for line in plot.lines]
    points = [tuple(map(float, pair.split(","))) for p in paths for pair in re.split("[ML]", p)[1:]]
    assert len(points) < 2 * plots.MAX_POINTS + 3
    assert all(plot.left <= x <= plot.width - plot.right for x, _ in points)
    assert all(plot.top <= y <= plot.height - plot.bottom for _, y in points)
    assert {line.role for line in plot.lines} == {"promise", "champion", "challenger"}


def test_wilson_intervals() -> None:
    low, high = plots.wilson(0.5, 10)  # Wilson 1927: 0.237, 0.763
    assert (round(low, 3), round(high, 3)) == (0.237, 0.763)
    assert plots.wilson(1.0, 5)[1] == 1.0
    assert plots.wilson(0.0, 0) == (0.0, 1.0)


def test_a_curve_without_errors_has_an_axis() -> None:
    plot = plots.risk_coverage([(0.5, 0.0), (1.0, 0.0)])
    assert len(plot.y_ticks) >= 2
