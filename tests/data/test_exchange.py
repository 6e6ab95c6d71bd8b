from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from data.errors import FileFormatError, InputError
from data.exchange import label_studio
from data.exchange.formats import Format, detect, read, write
from data.exchange.judgement import Judgement, Refused, gathered, judgements, records_of
from data.exchange.row import Defaults, columns
from data.exchange.values import code_of
from data.files import read_text
from data.snapshot.record import Feedback
from data.taxonomy.load import parse
from data.taxonomy.schema import Taxonomy
from tests.conftest import three_trees, two_labels

TREES, _ = three_trees()
MOODS, _ = two_labels()
AT = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)
SUFFIX = {"label-studio": ".json", "doccano": ".jsonl", "datasets": ""}
NOBODY = Defaults()
TEXT = "老师在北京买了两斤苹果"


def full(**changes: Any) -> Judgement:
    whole = Judgement(
        labels={"where": "N1", "what": "G", "who": "P"},
        who="张三",
        role="adjudication",
        id="01J0000000000000000000000A",
        text=TEXT,
        source="phone",
        external_id="CC-1",
        decided_at=AT,
        model={"where": "N2", "what": "G"},
        bundle="linear-1",
        comment="看了两遍",
        selection="audit",
        inclusion=0.1,
        meta={"channel": "A01033", "received_at": "2026-11-01"},
    )
    return replace(whole, **changes)


def there_and_back(
    folder: Path, items: list[Judgement], kind: Format, taxonomy: Taxonomy = TREES
) -> list[Judgement | Refused]:
    path = folder / f"out{SUFFIX.get(kind, f'.{kind}')}"
    assert write(path, items, taxonomy, kind) == len(items)
    assert detect(path) is kind
    return list(read(path, taxonomy, NOBODY))


def needs(kind: Format) -> None:
    if kind is Format.datasets:
        pytest.importorskip("datasets", reason="Hugging Face datasets is not installed")


@pytest.mark.parametrize("kind", list(Format))
def test_what_is_written_is_read_again(tmp_path: Path, kind: Format) -> None:
    needs(kind)
    items = [
        full(),
        full(id="01J0000000000000000000000B", text="医生在海口扔掉香蕉", labels={"where": "S2"}),
        full(who="李四", decided_at=AT + timedelta(days=1), labels={"who": "Q"}),
        Judgement({"what": "F1"}, who="王五", text="老虎在沈阳想念苹果", decided_at=AT),
    ]
    found = there_and_back(tmp_path, items, kind)
    # Label Studio keeps the judgements of one text together.
    assert sorted(map(repr, found)) == sorted(map(repr, items))


HOSTILE = [
    "=HYPERLINK(\"http://x\",\"点\")",
    "+1+1",
    "-2",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "'=1",
    "''quoted",
    "'",
    "a,b;c\"d\"\"e",
    "第一行\n第二行\r\n第三行\r第四行",
    "\u2028\u2029\u0085",
    "{\"text\": 1}",
    "<b>&amp;</b>",
    "_x000D_",
    "2026-11-22",
    "007",
    "𠮷野家 👨‍👩‍👧",
    " 前后空格 ",
    "\ufeff开头",
    "NULL",
    "nan",
]  # fmt: skip


@pytest.mark.parametrize("kind", list(Format))
def test_hostile_texts_survive(tmp_path: Path, kind: Format) -> None:
    needs(kind)
    items = [
        full(id=f"id{i:02}", text=text, comment="=1+1")
        for i, text in enumerate(HOSTILE)
        if text.strip()
    ]
    found = there_and_back(tmp_path, items, kind)
    for before, after in zip(items, found, strict=True):
        assert isinstance(after, Judgement)
        if kind is Format.xlsx:
            # XML knows one line break only.
            text = (before.text or "").replace("\r\n", "\n").replace("\r", "\n")
            before = replace(before, text=text)
        assert after.text == before.text
        assert after.comment == "=1+1"
    if kind is Format.csv:
        cells = [
            line.split(",")[1]
            for line in read_text(tmp_path / "out.csv").split("\n")
            if "id0" in line
        ]
        assert not any(cell.lstrip('"')[:1] in ("=", "+", "-", "@", "\t", "\r") for cell in cells)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=1, max_size=60))
@example("\ud800孤")
@example("a\x00b")
def test_any_text_goes_through_csv_and_jsonl(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    if not text.strip():
        return
    for kind in (Format.csv, Format.jsonl, Format.doccano, Format.label_studio):
        folder = tmp_path_factory.mktemp("x")
        (found,) = there_and_back(folder, [full(text=text)], kind)
        assert isinstance(found, Judgement)
        assert found.text == text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("kind", list(Format))
def test_an_empty_export_is_a_file(tmp_path: Path, kind: Format) -> None:
    needs(kind)
    assert [i for i in there_and_back_of_none(tmp_path, kind) if isinstance(i, Judgement)] == []


def there_and_back_of_none(folder: Path, kind: Format) -> list[Judgement | Refused]:
    path = folder / f"out{SUFFIX.get(kind, f'.{kind}')}"
    assert write(path, [], MOODS, kind) == 0
    return list(read(path, MOODS, NOBODY, kind))


def test_the_suffix_must_be_the_formats(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"\.csv for csv"):
        write(tmp_path / "x.jsonl", [], MOODS, Format.csv)
    with pytest.raises(FileFormatError, match="--format"):
        detect(tmp_path / "x.txt")
    with pytest.raises(FileFormatError, match="no such file"):
        detect(tmp_path / "x.jsonl")
    with pytest.raises(FileFormatError, match="cannot be read"):
        list(read(tmp_path / "x.json", MOODS, NOBODY))
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(FileFormatError, match="not JSON"):
        list(read(tmp_path / "x.json", MOODS, NOBODY))


# What others write


def test_a_plain_table_of_another_system_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    lines = "text,label,日期\n态度真好,好,x\n没人理我,bad,y\n,good,z\n排队太久,unknown,w\n"
    path.write_bytes(lines.encode("gbk"))
    found = list(read(path, MOODS, Defaults("旧系统", "department")))
    good = [item for item in found if isinstance(item, Judgement)]
    assert [(i.text, i.labels["mood"], i.who, i.role) for i in good[:2]] == [
        ("态度真好", "good", "旧系统", "department"),
        ("没人理我", "bad", "旧系统", "department"),
    ]
    assert good[2].text is None
    (refused,) = [item for item in found if isinstance(item, Refused)]
    assert (refused.line, "unknown" in refused.message) == (5, True)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"text": "x", "mood": "bad"}, "who judged"),
        ({"text": "x", "who": "a"}, "at least one of the columns mood"),
        ({"text": 3, "mood": "bad", "who": "a"}, "text: expected a text"),
        ({"text": "x", "mood": "bad", "who": "a", "role": "boss"}, "adjudication, review"),
        ({"text": "x", "mood": "bad", "who": "a", "decided_at": "gestern"}, "decided_at"),
        ({"text": "x", "mood": "bad", "who": "a", "decided_at": 7}, "decided_at"),
        ({"text": "x", "mood": "bad", "who": "a", "inclusion": 0}, "probability"),
        ({"text": "x", "mood": "bad", "who": "a", "inclusion": "viel"}, "probability"),
        ({"text": "x", "mood": "bad", "who": "a" * 200}, "128"),
        ({"text": "x", "mood": ["good", "bad"], "who": "a"}, "one label"),
        ({"text": "x", "mood": True, "who": "a"}, "expected a code"),
    ],
)
def test_a_row_that_holds_no_judgement_says_why(
    tmp_path: Path, row: dict[str, Any], said: str
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(row) + '\n{"text": "y", "mood": "bad", "who": "a"}\n')
    first, second = read(path, MOODS, NOBODY)
    assert isinstance(first, Refused)
    assert said in first.message
    assert isinstance(second, Judgement)


def test_a_time_without_offset_is_chinese(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "y", "mood": "bad", "who": "a", "decided_at": "2026-11-20 10:30"}\n')
    (item,) = read(path, MOODS, NOBODY)
    assert isinstance(item, Judgement)
    assert item.decided_at == AT


def test_label_studio_exports_are_read(tmp_path: Path) -> None:
    def result(head: str, kind: str, value: Any) -> dict[str, Any]:
        return {"from_name": head, "to_name": "text", "type": kind, "value": {kind: value}}

    task = {
        "id": 17,
        "data": {"text": TEXT},
        "annotations": [
            {
                "completed_by": {"id": 3, "email": "a@b.cn"},
                "created_at": "2026-11-20T02:30:00.000000Z",
                "was_cancelled": False,
                "result": [
                    result("where", "taxonomy", [["N", "N1"]]),
                    result("what", "choices", ["谷"]),
                    {"from_name": "note", "type": "textarea", "value": {"text": ["x"]}},
                ],
            },
            {
                "was_cancelled": True,
                "completed_by": 4,
                "result": [result("what", "choices", ["G"])],
            },
        ],
    }
    skipped = {"id": 18, "data": {"text": "y"}, "annotations": []}
    path = tmp_path / "export.json"
    path.write_text(json.dumps([task, skipped, 5]), encoding="utf-8")
    good, unfinished, broken = read(path, TREES, NOBODY)
    assert isinstance(good, Judgement)
    assert (good.labels, good.who, good.id) == ({"where": "N1", "what": "G"}, "a@b.cn", None)
    assert good.decided_at == AT
    assert isinstance(unfinished, Refused)
    assert isinstance(broken, Refused)
    minimal = [{"id": 9, "text": TEXT, "where": {"taxonomy": [["N", "N1"]]}, "annotator": 3}]
    path.write_text(json.dumps(minimal), encoding="utf-8")
    (short,) = read(path, TREES, NOBODY)
    assert isinstance(short, Judgement)
    assert (short.labels, short.who, short.id) == ({"where": "N1"}, "3", None)


def test_the_label_studio_interface_offers_every_code() -> None:
    root = ElementTree.fromstring(label_studio.config(TREES))  # noqa: S314 - our own
    assert {c.get("alias") for c in root.iter("Choice")} == {
        label.code for head in TREES.heads for label in head
    }
    nested = root.find(".//Taxonomy[@name='where']/Choice[@alias='N']/Choice[@alias='N1']")
    assert nested is not None
    flat = ElementTree.fromstring(label_studio.config(MOODS))  # noqa: S314 - our own
    assert len(flat.findall("Choices[@name='mood']/Choice")) == 2


def test_doccano_exports_are_read(tmp_path: Path) -> None:
    path = tmp_path / "doccano.jsonl"
    lines = [
        {"id": 1, "text": TEXT, "label": ["where:N1", "苹果"], "Comments": []},
        {"id": 2, "data": "旧版", "labels": ["where:N1"]},
        {"id": 3, "text": "z", "label": ["北京", "沈阳"]},
        {"id": 4, "text": "z", "label": []},
        {"id": 5, "text": "z", "label": ["没有"]},
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    first, second, *bad = read(path, TREES, Defaults("甲"))
    assert isinstance(first, Judgement)
    assert first.labels == {"where": "N1", "what": "F1"}
    assert first.id is None
    assert isinstance(second, Judgement)
    assert second.text == "旧版"
    assert all(isinstance(item, Refused) for item in bad)
    assert len(bad) == 3


def test_dictionaries_of_datasets_are_read(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="Hugging Face datasets is not installed")
    kinds = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])}
    )
    parts = {
        name: datasets.Dataset.from_dict({"text": [name], "label": [1]}, features=kinds)
        for name in ("train", "test")
    }
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "d"))
    found = list(read(tmp_path / "d", MOODS, Defaults("甲")))
    assert [(i.text, i.labels) for i in found if isinstance(i, Judgement)] == [
        ("train", {"mood": "good"}), ("test", {"mood": "good"}),
    ]  # fmt: skip
    with pytest.raises(FileFormatError, match="exists"):
        write(tmp_path / "d", [], MOODS, Format.datasets)


def test_codes_are_found_by_name_where_it_is_unique() -> None:
    head = TREES["where"]
    assert code_of(head, " 北京 ") == code_of(head, ["N", "N1"]) == "N1"
    double = parse(
        b"{id: d, version: '1', title: d, heads: [{name: h, kind: flat, title: h, labels: "
        b"[{code: a, name: x}, {code: b, name: x}]}]}",
        name="d",
    )["h"]
    with pytest.raises(InputError, match="several"):
        code_of(double, "x")


def test_a_head_may_have_the_name_of_one_of_our_columns(tmp_path: Path) -> None:
    taxonomy = parse(
        b"{id: d, version: '1', title: d, heads: [{name: source, kind: flat, title: h, labels: "
        b"[{code: a, name: x}, {code: b, name: y}]}]}",
        name="d",
    )
    item = Judgement({"source": "a"}, who="甲", text="x", source="phone", decided_at=AT)
    assert {"source", "source_"} <= set(columns(taxonomy))
    for kind in (Format.csv, Format.label_studio, Format.doccano):
        assert there_and_back(tmp_path, [item], kind, taxonomy) == [item]


# Records and judgements


def test_records_of_one_act_are_one_judgement() -> None:
    item = full()
    records = tuple(records_of(item, "x", AT, "api"))
    assert {(r.head, r.code, r.model_code) for r in records} == {
        ("where", "N1", "N2"), ("what", "G", "G"), ("who", "P", None),
    }  # fmt: skip
    later = tuple(records_of(full(decided_at=None), "x", AT + timedelta(1), "api"))
    meta = {"source": "phone", "external_id": "CC-1", **item.meta}
    first, second = judgements(Feedback("x", TEXT, (*records, *later), meta))
    assert first == full(id="x")
    assert second.decided_at == AT + timedelta(1)


def test_files_become_feedback_without_a_store() -> None:
    items = [
        full(),
        full(who="李四", labels={"where": "S1"}, decided_at=None),
        full(id=None, external_id="CC-9"),
        full(id=None, external_id=None, source=None),
        full(text=None),
    ]
    found = gathered(items)
    assert [len(item.records) for item in found] == [4, 3, 3]
    assert found[1].id == "phone/CC-9"
    assert found[2].id.startswith("text-")
    # Without a time it counts as older than the one that has one.
    assert min(found[0].records, key=lambda r: r.decided_at).who == "李四"
    assert gathered(items) == found
