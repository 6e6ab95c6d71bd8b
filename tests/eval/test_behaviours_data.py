"""The shipped behaviour tests: enough of each kind, valid, invented, and shown to discriminate."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from stdnum import luhn
from typer.testing import CliRunner

from data.labelled import load_labelled
from data.taxonomy.schema import Taxonomy
from data.text.normalise import normalise
from eval.behaviours.answer import DAY, Answer, Label, answerer, urgency_head
from eval.behaviours.run import run_behaviours
from eval.behaviours.schema import Directional
from eval.behaviours.suite import HERE, Invariant, Suite, behaviours_for, load
from eval.behaviours.transforms import TRANSFORMS
from model.runtime import load as load_bundle
from serving.cli.main import app
from serving.triage.policy import load as load_policy
from serving.triage.policy import packs_for

CORPUS = HERE.parents[1] / "data" / "corpus" / "complaints.jsonl"


@pytest.fixture(scope="module")
def shipped(taxonomy: Taxonomy) -> Suite:
    path = behaviours_for(taxonomy)
    assert path is not None
    policy = load_policy(packs_for(taxonomy), taxonomy).at(DAY)
    flags = {flag.code for flag in policy.pack.rules.flags}
    return load(path, taxonomy, urgency=urgency_head(policy, taxonomy), flags=flags)


def texts(suite: Suite) -> list[str]:
    """Every text that was written, without those that a transform made."""
    found = []
    for case in suite.cases:
        found.append(case.test.text)
        if isinstance(case.test, Directional):
            found.append(case.test.changed)
        elif isinstance(case.test, Invariant) and "/" not in case.test.id:
            found.extend(case.test.variants)
    return list(dict.fromkeys(found))


def test_there_are_enough_of_each_type(shipped: Suite) -> None:
    kinds = Counter(case.kind for case in shipped.cases)
    assert len(shipped.cases) >= 450
    assert len({case.capability for case in shipped.cases}) >= 28
    assert kinds["MFT"] >= 180
    assert kinds["INV"] >= 180
    assert kinds["DIR"] >= 90
    assert sum("/" not in case.test.id for case in shipped.cases) >= 340


def test_every_capability_has_cases(shipped: Suite) -> None:
    counts = Counter(case.capability for case in shipped.cases)
    assert set(counts) == set(shipped.capabilities)
    assert min(counts.values()) >= 4


def test_every_transform_is_used(shipped: Suite) -> None:
    used = {case.test.id.split("/")[0] for case in shipped.cases if "/" in case.test.id}
    assert used == set(TRANSFORMS)


def test_every_level_and_most_reasons_and_products_are_asked_for(shipped: Suite) -> None:
    asked: dict[str, set[str]] = {"product": set(), "reason": set(), "urgency": set()}
    for case in shipped.cases:
        if isinstance(case.test, Invariant):
            continue
        test = case.test
        sides = (test.before, test.after) if isinstance(test, Directional) else (test.expect,)
        for labels in sides:
            for head, codes in labels.items():
                asked[head] |= set(codes)
    assert asked["urgency"] == {"I", "II", "III", "IV"}
    assert len(asked["reason"]) == 13
    assert len(asked["product"]) >= 48


def test_no_text_is_there_twice(shipped: Suite) -> None:
    written = [
        normalise(t).text
        for case in shipped.cases
        if case.kind != "INV"
        for t in (
            [case.test.text, case.test.changed]
            if isinstance(case.test, Directional)
            else [case.test.text]
        )
    ]
    assert [t for t, n in Counter(written).items() if n > 1] == []


def test_a_slip_never_drops_a_negation(shipped: Suite) -> None:
    negations = re.compile("[不没未无别]")
    for case in shipped.cases:
        if case.test.id.startswith(("dropped_", "swapped_")) and isinstance(case.test, Invariant):
            before, after = (
                len(negations.findall(t)) for t in (case.test.text, *case.test.variants)
            )
            assert before == after, case.test.id


def test_no_text_is_of_the_corpus(shipped: Suite, taxonomy: Taxonomy) -> None:
    """No sentence of twelve characters or more stands in a corpus text as well."""
    corpus = "\n".join(item.text for item in load_labelled(CORPUS, taxonomy))
    pieces = {p for text in texts(shipped) for p in re.split("[。！？；，]", text) if len(p) >= 12}
    assert [piece for piece in pieces if piece in corpus] == []


def test_no_number_passes_a_checksum(shipped: Suite) -> None:
    for path in sorted(HERE.glob("jrt0169/*.yaml")):
        for number in re.findall(r"\d{7,}", path.read_text(encoding="utf-8")):
            assert not (len(number) >= 12 and luhn.is_valid(number)), number
            assert not re.fullmatch(r"1[3-9]\d{9}", number), number


def test_an_answer_that_never_changes_fails_what_must_move(
    shipped: Suite, taxonomy: Taxonomy
) -> None:
    """Invariance alone is easy: a constant holds it all and nearly nothing else."""
    constant = Answer(
        labels={
            head.name: Label(head.leaves[-1], head.path(head.leaves[-1]), 1.0)
            for head in taxonomy.heads
        },
        urgency="III",
    )
    report = run_behaviours(lambda _: constant, shipped)
    assert report.of_kind("INV").rate == 1.0
    assert report.of_kind("MFT").rate < 0.25
    assert report.of_kind("DIR").rate < 0.15


def test_the_shipped_model_holds_most(shipped: Suite) -> None:
    classifier = load_bundle()
    policies = load_policy(packs_for(classifier.taxonomy), classifier.taxonomy)
    report = run_behaviours(answerer(classifier, policies, classifier.taxonomy), shipped)
    assert report.total.rate >= 0.7
    assert report.rows["width"].total.rate > 0.9


def test_the_command_prints_the_table_and_writes_json(tmp_path: Path) -> None:
    target = tmp_path / "behaviours.json"
    done = CliRunner().invoke(app, ["behaviours", "--failures", "-o", str(target)])
    assert done.exit_code == 0, done.output
    assert "card_fraud" in done.output
    assert "expected" in done.output
    assert target.stat().st_size > 1000


def test_the_command_runs_another_taxonomy_by_file(mood_bundle: Path, tmp_path: Path) -> None:
    file = tmp_path / "mood.yaml"
    file.write_text(
        "taxonomy: mood\ncapabilities:\n  - id: words\n    name: 词\n    minimum:\n"
        "      - {id: a, text: 态度真好，非常满意, expect: {mood: good}}\n"
        "      - {id: b, text: 乱扣我钱，没人理我, expect: {mood: bad}}\n",
        encoding="utf-8",
    )
    arguments = ["behaviours", "--bundle", str(mood_bundle)]
    done = CliRunner().invoke(app, [*arguments, "--file", str(file)])
    assert done.exit_code == 0, done.output
    assert "2/2" in done.output
    missing = CliRunner().invoke(app, arguments)
    assert "no behaviour tests come with taxonomy 'mood'" in str(missing.exception)
