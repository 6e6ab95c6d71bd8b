"""What a file of behaviour tests may hold, and how it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import FileFormatError
from eval.behaviours.suite import Invariant, behaviours_for, load
from tests.conftest import two_labels
from tests.eval.behaviour_kit import animals, one, suite


@pytest.mark.parametrize(
    ("body", "place", "message"),
    [
        (one("minimum: [{id: a, text: 鸡, expect: {kind: X}}]"), "barn.a.kind", "unknown label"),
        (one("minimum: [{id: a, text: 鸡, expect: {sort: B}}]"), "barn.a", "unknown head 'sort'"),
        (one("minimum: [{id: a, text: 鸡, flags: [smoke]}]"), "barn.a", "unknown flag 'smoke'"),
        (one("minimum: [{id: a, text: 鸡}]"), "barn.a", "expects nothing"),
        (one("minimum: [{id: a, text: '', expect: {kind: B}}]"), "barn.minimum.a.text", "at least"),
        (one("minimum: [{id: a, txt: 鸡}]"), "barn.minimum.a.text", "required"),
        (one("direction: [{id: a, text: 鸡, changed: 鸭}]"), "barn.a", "expects nothing"),
        (
            one("direction: [{id: a, text: 鸡, changed: 鸡, urgency: rise}]"),
            "barn.a",
            "is the same",
        ),
        (
            one("direction: [{id: a, text: 鸡, changed: 鸭, urgency: jump}]"),
            "barn.direction.a.urgency",
            "should be",
        ),
        (one("invariance: [{id: a, text: 鸡, variants: [鸡]}]"), "barn.a", "is the same"),
        (
            one("invariance: [{id: a, text: 鸡, variants: [鸭], heads: [sort]}]"),
            "barn.a",
            "unknown head",
        ),
        (one("transformed: [{transform: shout, bases: [x]}]"), "barn.shout", "unknown transform"),
        (one("transformed: [{transform: emoji, bases: [x]}]"), "barn.emoji.x", "unknown base"),
        (
            "bases: {x: 鸡}\n" + one("transformed: [{transform: other_bank, bases: [x]}]"),
            "barn.other_bank.x",
            "is the same",
        ),
        (
            one("minimum: [{id: a, text: 鸡, review: true}, {id: a, text: 鸭, review: true}]"),
            ": a",
            "case id is there twice",
        ),
        ("capabilities: [}", "animals.yaml", "is not YAML"),
    ],
)
def test_an_error_names_file_and_case(tmp_path: Path, body: str, place: str, message: str) -> None:
    with pytest.raises(FileFormatError) as caught:
        suite(tmp_path, body)
    assert str(tmp_path / "animals.yaml") in str(caught.value.field)
    assert str(caught.value.field).endswith(place)
    assert message in caught.value.message


def test_a_file_for_another_taxonomy_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("taxonomy: plants\n", encoding="utf-8")
    with pytest.raises(FileFormatError, match="expected tests for 'animals', got 'plants'"):
        load(path, animals(), urgency=None)


@pytest.mark.parametrize("name", ["none.yaml", "."])
def test_nothing_to_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileFormatError):
        load(tmp_path / name, animals(), urgency=None)


def test_urgency_cannot_move_where_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    test = one("direction: [{id: a, text: 鸡, changed: 鸭, urgency: rise}]")
    path.write_text(f"taxonomy: animals\n{test}", encoding="utf-8")
    with pytest.raises(FileFormatError, match="no urgency"):
        load(path, animals(), urgency=None)


def test_a_transform_becomes_one_case_for_each_base(tmp_path: Path) -> None:
    body = "bases: {x: 鸡。, y: 鸭。}\n" + one(
        "tolerance: 0.3\n    transformed: [{transform: emoji, bases: [x, y], heads: [kind]}]"
    )
    cases = suite(tmp_path, body).cases
    assert [case.test.id for case in cases] == ["emoji/x", "emoji/y"]
    first = cases[0].test
    assert isinstance(first, Invariant)
    assert (first.heads, first.tolerance, first.text) == (("kind",), 0.3, "鸡。")
    assert first.variants != ("鸡。",)


def test_a_directory_is_read_whole_and_its_stamp_is_of_its_content(tmp_path: Path) -> None:
    (tmp_path / "bases.yaml").write_text("taxonomy: animals\nbases: {x: 鸡。}\n", encoding="utf-8")
    test = one("transformed: [{transform: emoji, bases: [x]}]")
    (tmp_path / "tests.yaml").write_text(f"taxonomy: animals\n{test}", encoding="utf-8")
    taxonomy = animals()
    first = load(tmp_path, taxonomy, urgency=None)
    assert (len(first.cases), first.capabilities) == (1, {"barn": "谷仓"})
    assert first.stamp == load(tmp_path, taxonomy, urgency=None).stamp
    (tmp_path / "bases.yaml").write_text("taxonomy: animals\nbases: {x: 鸭。}\n", encoding="utf-8")
    assert load(tmp_path, taxonomy, urgency=None).stamp != first.stamp


def test_one_base_in_two_files_is_refused(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("taxonomy: animals\nbases: {x: 鸡}\n", encoding="utf-8")
    with pytest.raises(FileFormatError, match="in another file"):
        load(tmp_path, animals(), urgency=None)


def test_a_taxonomy_without_tests_has_none() -> None:
    assert behaviours_for(two_labels()[0]) is None
