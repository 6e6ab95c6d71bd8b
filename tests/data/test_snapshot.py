from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import ConflictError, InputError, SnapshotError
from data.labelled import LabelledText, load_labelled
from data.snapshot import heldout as held
from data.snapshot.heldout import Heldout, check_frozen, held_texts, register, registered
from data.snapshot.make import Options, make
from data.snapshot.record import Feedback, LabelRecord, Role, contested, in_force
from data.snapshot.store import Snapshot, is_snapshot, listed, load
from tests.conftest import two_labels

START = datetime(2026, 11, 1, 9, tzinfo=UTC)
MOODS, _ = two_labels()


def base_text(id_: str, text: str, code: str, split: str) -> LabelledText:
    return LabelledText(id_, text, {"mood": code}, meta={"split": split})


BASE = [
    base_text("b1", "柜员态度恶劣，当着很多人的面大声训斥我", "bad", "train"),
    base_text("b2", "大堂经理帮我复印了三次材料，非常耐心", "good", "dev"),
    base_text("b3", "排队两个小时还没轮到，窗口只开一个", "bad", "test"),
]
NEW = "手机银行转账五万八一直显示处理中，两天了对方没收到，客服只会说再等等"
LONG = "上个月在柜台办的定期存单，到期去取说名字对不上，来回跑了三趟还没办成，昨天又去了一次，"


def record(
    subject: str,
    code: str = "bad",
    *,
    who: str = "张三",
    role: Role = "review",
    day: int = 0,
    id_: int | None = None,
) -> LabelRecord:
    at = START + timedelta(days=day)
    return LabelRecord(subject, "mood", code, who, at, role, "good", "linear-1", id=id_)


def said(id_: str, text: str = NEW, *records: LabelRecord, **meta: str) -> Feedback:
    return Feedback(id_, text, records or (record(id_),), meta)


def build(
    target: Path,
    feedback: Sequence[Feedback] = (),
    base: Sequence[LabelledText] = BASE,
    heldout: Heldout | None = None,
    parent: Snapshot | None = None,
    now: datetime = START,
) -> Snapshot:
    return make(
        feedback, base, heldout or Heldout(), target, taxonomy=MOODS, parent=parent, now=now
    )


def rows(snapshot: Snapshot) -> dict[str, LabelledText]:
    return {item.id: item for item in snapshot.texts(MOODS)}


def reasons(snapshot: Snapshot) -> dict[str, str]:
    return {item.id: item.reason for item in snapshot.manifest.excluded}


# Which record holds


def test_the_latest_adjudication_holds() -> None:
    records = [
        record("x", "good", role="adjudication", day=1),
        record("x", "bad", role="adjudication", day=2),
        record("x", "good", role="review", day=9),
        record("x", "good", role="customer", day=10),
    ]
    for order in (records, records[::-1]):
        assert in_force(order)["mood"].code == "bad"
    reviews: list[Role] = ["review"]
    assert in_force(records, reviews)["mood"].decided_at == START + timedelta(days=9)
    departments: list[Role] = ["department"]
    assert in_force(records, departments) == {}


def test_of_one_time_the_later_record_holds_whatever_the_order() -> None:
    first, second = record("x", "good", id_=1), record("x", "bad", id_=2)
    assert in_force([second, first])["mood"].code == in_force([first, second])["mood"].code == "bad"


def test_disagreement_of_equals_is_named() -> None:
    records = [record("x", "good"), record("x", "bad", day=1)]
    assert contested(records, in_force(records)) == ["mood"]
    decided = [*records, record("x", "good", role="adjudication")]
    assert contested(decided, in_force(decided)) == []
    assert record("x", "bad").overrides is True
    assert LabelRecord("x", "mood", "bad", "a", START, "review").overrides is None


# What a snapshot is


def test_a_snapshot_is_labelled_texts_with_lineage(tmp_path: Path) -> None:
    snapshot = build(tmp_path, [said("f1", NEW, record("f1", "bad", id_=7), source="phone")])
    item = rows(snapshot)["f1"]
    assert (item.text, item.labels, item.meta["split"]) in [
        (NEW, {"mood": "bad"}, side) for side in ("train", "dev")
    ]
    assert item.meta["source"] == "phone"
    decided = snapshot.manifest.lineage["f1"]["mood"]
    assert (decided.record, decided.who, decided.model_code, decided.bundle) == (
        7, "张三", "good", "linear-1",
    )  # fmt: skip
    assert decided.decided_at == START
    assert snapshot.manifest.counts["feedback"] == 1
    assert snapshot.manifest.labels["mood"] == {"bad": 3, "good": 1}
    assert [t.id for t in load_labelled(snapshot.path, MOODS)] == ["b1", "b2", "b3", "f1"]


def test_the_same_content_has_one_id_whenever_and_in_whatever_order(tmp_path: Path) -> None:
    feedback = [said("f1"), said("f2", "柜员很耐心，态度真好，点个大赞", record("f2", "good"))]
    first = build(tmp_path, feedback)
    again = build(tmp_path, feedback[::-1], BASE[::-1], now=START + timedelta(days=3))
    assert again.id == first.id
    assert again.manifest.created_at == first.manifest.created_at
    assert [s.id for s in listed(tmp_path)] == [first.id]
    other = build(tmp_path, [said("f1", NEW, record("f1", "good"))])
    assert other.id != first.id
    assert not list(tmp_path.glob(".*"))


def test_who_decided_is_part_of_the_content(tmp_path: Path) -> None:
    first = build(tmp_path, [said("f1", NEW, record("f1", who="张三"))])
    second = build(tmp_path, [said("f1", NEW, record("f1", who="李四"))])
    assert first.manifest.rows == second.manifest.rows
    assert first.id != second.id


@pytest.mark.parametrize("name", ["rows.jsonl", "manifest.json"])
def test_a_changed_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    path = build(tmp_path, [said("f1")]).path / name
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b'"bad"', b'"good"'))
    with pytest.raises(SnapshotError, match=name):
        load(path.parent)


def test_a_renamed_or_extended_snapshot_is_refused(tmp_path: Path) -> None:
    snapshot = build(tmp_path)
    (snapshot.path / "more.jsonl").write_text("")
    with pytest.raises(SnapshotError, match=r"more\.jsonl"):
        load(snapshot.path)
    (snapshot.path / "more.jsonl").unlink()
    moved = snapshot.path.rename(tmp_path / "0000000000000000")
    with pytest.raises(SnapshotError, match=f"holds snapshot {snapshot.id}"):
        load(moved)
    with pytest.raises(SnapshotError, match=r"no manifest\.json"):
        load(tmp_path)


def test_a_manifest_of_another_shape_is_refused(tmp_path: Path) -> None:
    path = build(tmp_path).path / "manifest.json"
    path.chmod(0o644)
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "format": "x"}))
    with pytest.raises(SnapshotError, match="format"):
        load(path.parent)
    path.write_text(json.dumps({**content, "format": 2}))
    with pytest.raises(SnapshotError, match="format 2"):
        load(path.parent)


def test_a_half_written_snapshot_is_none(tmp_path: Path) -> None:
    whole = build(tmp_path / "a")
    left = tmp_path / "b" / f".{whole.id}.tmp"
    left.mkdir(parents=True)
    (left / "rows.jsonl").write_text("half")
    assert listed(tmp_path / "b") == []
    assert build(tmp_path / "b").id == whole.id
    assert not left.exists()


def test_nothing_to_train_on_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="train"):
        build(tmp_path, base=BASE[1:])


# What goes in


def test_personal_data_is_masked_and_numbers_of_others_dropped(tmp_path: Path) -> None:
    item = said("f1", f"{NEW}，我电话13812345678", external_id="CC-1")
    base = [*BASE, LabelledText("b4", "打我电话13987654321，扣了两次年费", {"mood": "bad"})]
    found = rows(build(tmp_path, [item], base))
    assert "138****5678" in found["f1"].text
    assert "external_id" not in found["f1"].meta
    assert "139****4321" in found["b4"].text
    snapshot = make(
        [item], base, Heldout(), tmp_path, taxonomy=MOODS, options=Options(mask_base=False)
    )
    assert "13987654321" in rows(snapshot)["b4"].text
    assert "138****5678" in rows(snapshot)["f1"].text


def test_what_cannot_teach_is_listed_with_the_reason(tmp_path: Path) -> None:
    snapshot = build(
        tmp_path,
        [
            said("f1", "！！！123"),
            said("f2", NEW, record("f2", role="customer")),
            said("f3", NEW, record("f3", "gone")),
        ],
    )
    assert reasons(snapshot) == {
        "f1": "no words",
        "f2": "no record of a role that teaches",
        "f3": "codes that the taxonomy does not have",
    }
    assert snapshot.manifest.reasons() == dict.fromkeys(sorted(reasons(snapshot).values()), 1)
    assert snapshot.manifest.lineage == {}


def test_the_same_words_count_once_by_the_latest_adjudication(tmp_path: Path) -> None:
    snapshot = build(
        tmp_path,
        [
            said("f1", NEW, record("f1", "good", day=5)),
            said("f2", NEW.replace("，", ","), record("f2", "bad", role="adjudication")),
        ],
    )
    assert rows(snapshot)["f1"].labels == {"mood": "bad"}
    assert snapshot.manifest.lineage["f1"]["mood"].subject == "f2"
    assert reasons(snapshot) == {"f2": "same words"}


def test_feedback_takes_the_place_of_a_base_text(tmp_path: Path) -> None:
    snapshot = build(tmp_path, [said("f1", BASE[1].text, record("f1", "bad"))])
    found = rows(snapshot)
    assert "b2" not in found
    assert found["f1"].labels == {"mood": "bad"}
    assert found["f1"].meta["split"] == "dev"
    assert reasons(snapshot) == {"b2": "replaced by newer labels"}


# What evaluates never trains


def test_feedback_that_repeats_a_held_out_text_is_left_out(tmp_path: Path) -> None:
    variants = {
        "f1": BASE[2].text,
        "f2": BASE[2].text.replace("，", "!!"),
        "f3": "排隊兩個小時還沒輪到，窗口只開一個！",
        "f4": BASE[2].text + "，真的",
        "f5": LONG + BASE[2].text,
    }
    longer = [*BASE, base_text("b5", NEW, "bad", "test")]
    feedback = [said(id_, text) for id_, text in variants.items()]
    feedback += [
        said("f6", "客户来电：" + NEW + "。已安抚，承诺三日内回复，请相关部门尽快联系处理并反馈")
    ]
    feedback += [said("b3", "完全是另一件事，贷款利率和当初说的不一样")]
    snapshot = build(tmp_path, feedback, longer)
    assert reasons(snapshot) == dict.fromkeys(["f1", "f2", "f3", "f4", "f6", "b3"], "held out")
    # Sixteen characters inside a long text are not that text.
    assert rows(snapshot)["f5"].meta["split"] != "test"
    assert {e.of for e in snapshot.manifest.excluded} == {"base-test/b3", "base-test/b5"}


def test_registered_sets_keep_base_and_feedback_out(tmp_path: Path) -> None:
    outside = [LabelledText("e1", BASE[0].text, {"mood": "bad"})]
    path = register(tmp_path / "heldout", "real", outside)
    assert BASE[0].text[:6] not in path.read_text(encoding="utf-8")
    heldout = Heldout(registered(tmp_path / "heldout"))
    base = [
        *BASE,
        base_text("b4", "贷款利率和当初说的不一样", "bad", "train"),
    ]
    snapshot = build(tmp_path / "s", [said("f1", BASE[0].text)], base, heldout)
    assert reasons(snapshot) == {"b1": "held out", "f1": "held out"}
    assert snapshot.manifest.heldout["real"]["texts"] == 1
    assert set(snapshot.manifest.heldout) == {"real", "base-test"}


def test_a_held_out_text_without_letters_is_known_by_its_signs() -> None:
    heldout = Heldout(held_texts("out", [LabelledText("e", "12378？", {})]))
    match = heldout.match("１２３７８?")
    assert match is not None
    assert (match.name_and_id, match.similarity) == ("out/e", 1.0)
    assert heldout.match("95588？") is None


def test_a_registered_set_is_frozen(tmp_path: Path) -> None:
    path = register(tmp_path, "real", BASE)
    before = path.read_bytes()
    assert register(tmp_path, "real", BASE[::-1]) == path
    assert path.read_bytes() == before
    with pytest.raises(ConflictError, match="another name"):
        register(tmp_path, "real", BASE[:1])
    path.write_text('{"id": 1}\n')
    with pytest.raises(SnapshotError, match=r"real\.jsonl:1"):
        registered(tmp_path)


def test_a_changed_test_split_is_noticed(tmp_path: Path) -> None:
    corpus = Path(held.__file__).parents[1] / "corpus"
    small = [LabelledText("x", "年费", {"reason": "C07"}, meta={"split": "test"})]
    with pytest.raises(SnapshotError, match="frozen was"):
        check_frozen(corpus, small)
    check_frozen(tmp_path, small)


LETTERS = "年费扣款贷利率信用卡转账客服态度差退换钱柜员排队"
WORDS = st.text(st.sampled_from(LETTERS), min_size=4, max_size=40)
NOISE = st.sampled_from(["，", "!", " ", "１２", "。。。", "\u200b", "＊＊"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(WORDS, min_size=1, max_size=8, unique=True), data=st.data())
def test_no_held_out_text_ever_trains(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], data: st.DataObject
) -> None:
    """Whatever is held out, and however feedback writes it with other marks, digits or widths."""
    draw = data.draw
    test = draw(st.lists(st.sampled_from(texts), max_size=4, unique=True))
    outside = draw(st.lists(st.sampled_from(texts), max_size=4, unique=True))
    base = [
        base_text(f"b{i}", text, "bad", "test" if text in test else "train")
        for i, text in enumerate(texts)
    ]
    base.append(base_text("b", "绝不会被排除的一条关于存折的话", "good", "train"))
    feedback = []
    for i, text in enumerate(draw(st.lists(st.sampled_from(texts), max_size=6))):
        at = draw(st.integers(0, len(text)))
        feedback.append(said(f"f{i}", text[:at] + draw(NOISE) + text[at:]))
    heldout = Heldout(held_texts("out", [LabelledText(t, t, {}) for t in outside]))
    snapshot = build(tmp_path_factory.mktemp("s"), feedback, base, heldout)
    frozen = heldout.joined(held_texts("test", [b for b in base if b.text in test]))
    for item in rows(snapshot).values():
        if item.meta["split"] != "test":
            assert frozen.match(item.text) is None
        else:
            assert item.id.startswith("b")


# Which side


def test_feedback_is_divided_like_everything_and_never_tests(tmp_path: Path) -> None:
    feedback = [
        said(f"f{i:04}", f"{chr(0x4E00 + i)}{chr(0x5E00 + i)}{chr(0x6E00 + i)}事")
        for i in range(600)
    ]
    sides = [item.meta["split"] for item in rows(build(tmp_path, feedback)).values()]
    assert sides.count("test") == 1
    assert 0.10 < sides.count("dev") / len(sides) < 0.20


def test_alike_texts_fall_on_one_side_beside_what_they_resemble(tmp_path: Path) -> None:
    feedback = [said("f0", BASE[1].text + "，真的很好")]
    feedback += [
        said(f"f{i}", NEW + "，第" + "一二三四五六七八九"[i] + "次投诉") for i in range(1, 9)
    ]
    found = rows(build(tmp_path, feedback))
    assert found["f0"].meta["split"] == "dev"
    assert found["f0"].meta["group"] == "b2"
    event = [found[f"f{i}"].meta for i in range(1, 9)]
    assert {(meta["group"], meta["split"]) for meta in event} == {("f1", event[0]["split"])}


def test_what_came_as_one_group_stays_one(tmp_path: Path) -> None:
    words = [
        "贷款利率和当初说的不一样",
        "存单到期取不出来",
        "网点搬走也不通知",
        "短信收费没人问过我",
    ]
    feedback = [said(f"f{i}", text, group="pair") for i, text in enumerate(words)]
    found = rows(build(tmp_path, feedback))
    assert {found[f"f{i}"].meta["group"] for i in range(4)} == {"pair"}
    assert len({found[f"f{i}"].meta["split"] for i in range(4)}) == 1


def test_what_resembles_both_sides_is_left_out(tmp_path: Path) -> None:
    both = [
        base_text("b4", NEW + "甲乙", "bad", "train"),
        base_text("b5", NEW + "丙丁", "bad", "dev"),
    ]
    snapshot = build(tmp_path, [said("f1", NEW)], [*BASE, *both])
    assert reasons(snapshot) == {"f1": "resembles texts of both train and dev"}


# One snapshot after another


def test_a_snapshot_continues_another(tmp_path: Path) -> None:
    first = build(tmp_path, [said("f1", NEW, record("f1", "good"))])
    parent = load(first.path)
    assert is_snapshot(first.path)
    more = [said("f2", "存单到期取不出来，柜台让我回去等")]
    second = build(tmp_path, more, parent.texts(MOODS), parent=parent)
    assert second.manifest.parent == first.id
    assert set(second.manifest.lineage) == {"f1", "f2"}
    assert second.manifest.lineage["f1"] == first.manifest.lineage["f1"]
    assert second.manifest.counts["feedback"] == 2
    changed = [said("f1", NEW, record("f1", "good"), record("f1", "bad", role="adjudication"))]
    third = build(tmp_path, changed, load(second.path).texts(MOODS), parent=load(second.path))
    assert rows(third)["f1"].labels == {"mood": "bad"}
    assert rows(third)["f1"].meta["split"] == rows(first)["f1"].meta["split"]
    assert third.manifest.lineage["f1"]["mood"].role == "adjudication"
    assert rows(third)["b3"].meta["split"] == "test"
