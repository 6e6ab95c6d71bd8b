"""The report as a person opens it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import orjson
import pytest

from eval.report.build import render, write_html, write_json
from eval.suite.config import parse
from eval.suite.result import SuiteResult
from eval.suite.run import run_suite
from eval.suite.subject import Subject
from tests.conftest import mood_texts, tree_texts
from tests.eval.report_samples import HOSTILE, alone, beside, gate

VOID = {"meta", "br", "img", "input", "link", "hr"}


class Page(HTMLParser):
    """Every element with its attributes, the text in each language, and that all is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[tuple[str, str]] = []
        self.texts = {"zh": "", "en": ""}
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append((tag, found))
        if tag not in VOID:
            self.open.append((tag, found.get("class", "")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        inside = [name for name, _ in self.open]
        if "style" in inside or "script" in inside:
            return
        shown = {kind for _, kind in self.open}
        for language in self.texts:
            if not shown & {"zh", "en"} - {language}:
                self.texts[language] += data

    def ids(self) -> Iterator[str]:
        yield from (found["id"] for _, found in self.tags if "id" in found)


@pytest.fixture
def everything() -> SuiteResult:
    return beside(
        gate("failed", examples=("t1",), why="Because of <this>.", value=0.7),
        gate("unknown", metric="leaked", scope="model", where="", value=None, required=True),
        gate("passed", scope="class", where="mood:bad", metric="recall"),
        gate("failed", scope="slice", where="length=<30 · mood=bad", metric="mood.accuracy"),
        gate("skipped", rule="loss to champion ≤ 0.01", limit=0.01),
        text=HOSTILE,
    )


def test_every_gate_is_there_with_number_and_limit(everything: SuiteResult) -> None:
    page = Page(render(everything))
    rows = [found for tag, found in page.tags if tag == "tr" and found.get("class") in STATES]
    assert len(rows) == 5
    for text in ("70.0%", "≥ 75%", "比冠军变差 ≤ 1 pp", "坏", "未测得，必须测"):
        assert text in page.texts["zh"]
    assert "Because of <this>." in page.texts["en"]
    assert "不得上线：5 道门禁中有 3 道未通过" in page.texts["zh"]
    assert "May not serve: 3 of 5 gates do not hold" in page.texts["en"]


def test_limits_on_one_figure_share_a_row_and_figures_do_not() -> None:
    loss = gate("passed", rule="loss to champion ≤ 0.01", limit=0.01)
    other = gate("passed", value=0.9)
    page = Page(render(alone(gate("passed"), loss, other)))
    assert "≥ 75%；比冠军变差 ≤ 1 pp" in page.texts["zh"]
    assert len([1 for tag, found in page.tags if tag == "tr" and found.get("class") in STATES]) == 2
    assert "通过 3 " in page.texts["zh"]


STATES = {"failed", "passed", "unknown", "skipped"}


def test_hostile_text_stays_text(everything: SuiteResult) -> None:
    page = Page(render(everything))
    assert 'alert("钱")' in page.texts["zh"].replace("\u200b", "")
    assert [tag for tag, _ in page.tags if tag in {"img", "iframe", "object"}] == []
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert not [name for _, found in page.tags for name in found if name.startswith("on")]


@pytest.mark.parametrize("where", ["label", "department", "version", "failure", "slice", "command"])
def test_names_that_data_brings_are_escaped(everything: SuiteResult, where: str) -> None:
    bad = "<script>x()</script>{evil}"
    mood = everything.heads["mood"]
    decisions, behaviours = everything.decisions, everything.behaviours
    assert behaviours is not None
    changed = {
        "label": replace(
            everything, heads={"mood": replace(mood, labels={"good": bad, "bad": bad})}
        ),
        "department": replace(
            everything,
            decisions=replace(
                decisions, misroutes=(replace(decisions.misroutes[0], gold_name=bad),)
            ),
        ),
        "version": replace(everything, challenger=replace(everything.challenger, version=bad)),
        "failure": replace(
            everything,
            behaviours=replace(behaviours, failures=(replace(behaviours.failures[0], got=bad),)),
        ),
        "slice": replace(
            everything, worst_slices=(replace(everything.worst_slices[0], where={bad: bad}),)
        ),
        "command": everything,
    }
    page = Page(render(changed[where], command=bad))
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert bad in page.texts["zh"]


def test_nothing_is_fetched(everything: SuiteResult) -> None:
    html = render(everything)
    page = Page(html)
    style = html[html.index("<style>") : html.index("</style>")]
    assert not re.search(r"url\(|@import", style)
    loading = {"src", "href", "srcset", "action", "data", "poster", "xlink:href", "background"}
    links = [found[name] for _, found in page.tags for name in loading & found.keys()]
    assert links
    assert all(link.startswith("#") for link in links)
    policy = next(found["content"] for tag, found in page.tags if "http-equiv" in found)
    assert "default-src 'none'" in policy


def test_what_is_linked_and_opened_exists(everything: SuiteResult) -> None:
    page = Page(render(everything))
    ids = list(page.ids())
    assert len(ids) == len(set(ids))
    wanted = [found["href"][1:] for tag, found in page.tags if tag == "a"]
    wanted += [found["data-open"] for _, found in page.tags if "data-open" in found]
    assert any(name.startswith("confusion-mood-") for name in wanted)
    assert set(wanted) <= set(ids)


def test_both_languages_say_everything(everything: SuiteResult) -> None:
    page = Page(render(everything))
    english = re.sub(r"\s+", " ", page.texts["en"])
    headings = ("Weakest slices", "Behaviour tests", "Is its confidence to be believed?")
    assert all(heading in english for heading in headings)
    assert "最弱的切片" not in english
    assert "Weakest slices" not in page.texts["zh"]
    # Of the Chinese, only labels and the complaints themselves are left in English.
    assert len(re.findall("[\u4e00-\u9fff]", english)) < 200


def test_opens_without_champion_behaviours_or_gates() -> None:
    page = Page(render(alone()))
    assert "未设门禁" in page.texts["zh"]
    assert "没有冠军模型可比" in page.texts["zh"]
    assert "此标签体系没有行为用例" in page.texts["zh"]
    heads = [name for name in page.ids() if name.startswith("head-")]
    assert heads == ["head-mood"]


def test_verdict_tells_what_was_not_measured() -> None:
    unknown = gate("unknown", value=None)
    assert "可以上线：全部门禁通过" in Page(render(alone(gate("passed")))).texts["zh"]
    assert "另有 1 道未测" in Page(render(alone(gate("passed"), unknown))).texts["zh"]


def test_a_limit_that_the_champion_misses_too_is_not_called_met() -> None:
    page = Page(render(beside(gate("passed", value=0.7, champion=0.6))))
    assert "未达限值，但不差于冠军" in page.texts["zh"]


def test_personal_data_is_masked_even_if_it_came_through() -> None:
    text = "请回电13812345678，卡里少了钱"
    html = render(beside(text=text))
    assert "13812345678" not in html
    assert "138****5678" in html


def test_written_files_are_whole(tmp_path: Path, everything: SuiteResult) -> None:
    target = tmp_path / "new" / "report.html"
    write_html(everything, target)
    write_json(everything, tmp_path / "result.json")
    assert target.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert (
        SuiteResult.from_json(orjson.loads((tmp_path / "result.json").read_bytes())) == everything
    )
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]


SUITE = {
    "version": "1",
    "draws": 20,
    "metric": [{"metric": "accuracy", "min": 0.5, "max_loss": 0.01}],
    "per_class": [{"min": 0.1, "min_support": 1}],
    "operating": {"timed": 2, "repeated": 2, "threads": 2},
}


def test_any_taxonomy_is_reported(mood_bundle: Path, tree_bundle: Path) -> None:
    for bundle, texts in ((mood_bundle, mood_texts()), (tree_bundle, tree_texts())):
        subject = Subject.load(bundle)
        config = parse(SUITE, name="suite.toml")
        result = run_suite(subject, texts[::4], config=config, champion=subject)
        page = Page(render(result))
        heads = [f"head-{head.name}" for head in subject.classifier.taxonomy.heads]
        assert [name for name in page.ids() if name.startswith("head-")] == heads
        for head in subject.classifier.taxonomy.heads:
            assert head.title in page.texts["zh"]
            assert all(head.by_code[leaf].name in page.texts["zh"] for leaf in head.leaves)
