from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from data.errors import TaxonomyError
from data.files import write_rows
from data.taxonomy.load import DEFAULT_PATH, load, parse
from data.taxonomy.overlay import overlay_file
from data.taxonomy.schema import Taxonomy
from tests.conftest import THREE_TREES, TWO_LABELS

GOLDEN = Path(__file__).parent / "taxonomy_order.txt"


def test_shipped_taxonomy_has_the_standard_s_shape(taxonomy: Taxonomy) -> None:
    product, reason, urgency = taxonomy.heads
    assert (product.kind, len(product.leaves), product.depth) == ("tree", 74, 3)
    assert (reason.kind, len(reason.leaves)) == ("flat", 13)
    assert (urgency.kind, urgency.leaves) == ("ordinal", ("I", "II", "III", "IV"))
    assert len([label for label in product if label.parent is None]) == 14


def test_order_of_labels_is_frozen(taxonomy: Taxonomy) -> None:
    """Logit columns follow this order: a change here breaks bundles, so it is chosen, not made."""
    order = "\n".join(f"{head.name} {code}" for head in taxonomy.heads for code in head.leaves)
    assert order + "\n" == GOLDEN.read_text()


def test_every_leaf_tells_a_labeller_what_it_is(taxonomy: Taxonomy) -> None:
    for head in taxonomy.heads:
        for code in head.leaves:
            label = head.by_code[code]
            assert label.definition, code
            assert len(label.examples) >= 2, code
            assert label.includes or label.excludes, code


def test_excludes_point_to_codes_that_exist(taxonomy: Taxonomy) -> None:
    codes = {code for head in taxonomy.heads for code in head.by_code}
    prefixes = {code[:3] for code in codes}
    for head in taxonomy.heads:
        for label in head:
            for note in label.excludes:
                target = note.partition("→")[2].strip()
                if target[:1] in "BC" and target[1:2].isdigit():
                    for part in target.split(" 或 "):
                        assert part in codes or part.rstrip("x") in prefixes, note


def test_tree_questions(taxonomy: Taxonomy) -> None:
    product = taxonomy["product"]
    assert product.path("B03022") == ("B03", "B0302", "B03022")
    assert product.is_under("B03022", "B03")
    assert not product.is_under("B03", "B03022")
    assert product.at_level("B03022", 1) == "B03"
    assert product.at_level("B01", 3) == "B01"
    assert [product.leaves[i] for i in product.leaves_under["B06"]] == [
        *("B0601", "B0602", "B0603", "B0604", "B0699")
    ]


def test_other_taxonomies_load() -> None:
    two = parse(TWO_LABELS.encode(), name="two")
    assert two["mood"].leaves == ("good", "bad")
    trees = parse(THREE_TREES.encode(), name="trees")
    assert [head.depth for head in trees.heads] == [2, 2, 2]
    assert trees["what"].leaves == ("F1", "F2", "G")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop("id"), "id"),
        (lambda d: d["heads"][0].update(kind="forest"), "heads.0.kind"),
        (lambda d: d["heads"][0]["labels"].pop(), "heads.0.labels"),
        (lambda d: d["heads"][0]["labels"][0].update(code="bad"), "twice"),
        (
            lambda d: d["heads"][0]["labels"][0].update(children=[{"code": "x", "name": "x"}]),
            "flat",
        ),
        (lambda d: d["heads"].append(d["heads"][0]), "differ"),
        (lambda d: d.update(colour="red"), "colour"),
        (lambda d: d["heads"][0].update(name="Not A Name"), "heads.0.name"),
    ],
)
def test_holes_are_named(change: object, said: str) -> None:
    document = yaml.safe_load(TWO_LABELS)
    change(document)  # type: ignore[operator]
    with pytest.raises(TaxonomyError, match=said):
        parse(yaml.safe_dump(document).encode(), name="broken.yaml")


def test_not_yaml_and_not_there(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match="YAML"):
        parse(b"heads: [", name="x")
    with pytest.raises(TaxonomyError, match="cannot be read"):
        load(tmp_path / "none.yaml")


def _table(tmp_path: Path, taxonomy: Taxonomy, **change: str) -> Path:
    rows = [
        {"head": "reason", "from": code, "to": change.get(code, f"X{code}"), "name": f"官方{code}"}
        for code in taxonomy["reason"].by_code
        if change.get(code) != ""
    ]
    path = tmp_path / "codes.csv"
    write_rows(path, rows, ["head", "from", "to", "name"])
    return path


def test_licensed_codes_are_laid_over(tmp_path: Path, taxonomy: Taxonomy) -> None:
    output = tmp_path / "licensed.yaml"
    result = overlay_file(DEFAULT_PATH, _table(tmp_path, taxonomy), output)
    assert result.codes_status == "licensed"
    assert result["reason"].by_code["C01"].official == "XC01"
    assert result["reason"].by_code["C01"].name == "官方C01"
    assert result["reason"].leaves == taxonomy["reason"].leaves
    assert load(output).sha256 == result.sha256


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"C05": ""}, "no new code for C05"),
        ({"C05": "XC06"}, "two codes"),
    ],
)
def test_a_table_that_is_not_one_to_one_is_refused(
    tmp_path: Path, taxonomy: Taxonomy, change: dict[str, str], said: str
) -> None:
    output = tmp_path / "licensed.yaml"
    with pytest.raises(TaxonomyError, match=said):
        overlay_file(DEFAULT_PATH, _table(tmp_path, taxonomy, **change), output)
    assert not output.exists()


def test_a_table_with_unknown_heads_codes_or_columns_is_refused(
    tmp_path: Path, taxonomy: Taxonomy
) -> None:
    table = tmp_path / "t.csv"
    for text, said in (
        ("head,from,to\nnone,A,B\n", "unknown head"),
        ("head,from,to\nreason,C77,B\n", "no new code"),
        ("head,to\nreason,C01\n", "expected the columns"),
        ("head,from,to\nreason,C01,X\nreason,C01,Y\n", "mapped twice"),
        ("head,from,to\n", "holds no row"),
    ):
        table.write_text(text, encoding="utf-8")
        with pytest.raises(TaxonomyError, match=said):
            overlay_file(DEFAULT_PATH, table, tmp_path / "out.yaml")
