"""The registry: content-addressed, explained by its log, and not to be talked past."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data.errors import BundleError, ConflictError, InputError, NotFoundError, RegistryError
from model import bundle
from model.registry.check import check_version, digest_of
from model.registry.registry import Registry
from model.registry.resolve import answers, resolve, seed
from model.registry.verdict import Verdict
from model.runtime import SHIPPED
from tests.conftest import three_trees, two_labels

TIMES = (datetime(2026, 11, 22, 9, tzinfo=UTC) + timedelta(minutes=n) for n in range(10_000))


@pytest.fixture
def store(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models", clock=lambda: next(TIMES))


def variant(source: Path, target: Path, temperature: float) -> Path:
    """The bundle with another temperature, properly written: its version says so."""
    manifest, _ = bundle.read(source)
    bundle.write(
        target,
        kind=manifest.kind,
        taxonomy_bytes=(source / bundle.TAXONOMY).read_bytes(),
        heads={
            name: head.model_copy(update={"temperature": temperature})
            for name, head in manifest.heads.items()
        },
        files={n: (source / n).read_bytes() for n in manifest.files if n != bundle.TAXONOMY},
        snapshot=manifest.snapshot,
        training=manifest.training,
        metrics=manifest.metrics,
        created_at=manifest.created_at,
    )
    return target


def verdict(store: Registry, version: str, *, passed: bool = True, **changes: object) -> Verdict:
    champion = store.champion
    made = Verdict(
        challenger=version,
        challenger_digest=digest_of(store.bundle_of(version)),
        champion=champion,
        champion_digest=digest_of(store.bundle_of(champion)) if champion else None,
        passed=passed,
        gates=3,
        failed=() if passed else ("accuracy of mood 0.60, expected at least 0.80",),
        cases="c" * 64,
        suite="s" * 64,
        at="2026-11-22T09:00:00+00:00",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
def three(store: Registry, mood_bundle: Path, tmp_path: Path) -> tuple[str, str, str]:
    """Three registered versions, the first of them champion."""
    paths = [mood_bundle, *(variant(mood_bundle, tmp_path / str(t), t) for t in (2.0, 3.0))]
    first, second, third = (store.add(path, who="a", why="test") for path in paths)
    store.promote(first, who="a", why="first", force=True)
    return first, second, third


def test_a_version_is_found_by_its_name_and_verified(store: Registry, mood_bundle: Path) -> None:
    version = store.add(mood_bundle, who="李", why="试")
    path = store.bundle_of(version)
    assert path.name == version
    assert bundle.read(path)[0].version == version
    (path / "vocabulary.txt").write_text("other", encoding="utf-8")
    with pytest.raises(BundleError, match=r"vocabulary\.txt has checksum"):
        store.bundle_of(version)


def test_adding_twice_is_adding_once(store: Registry, mood_bundle: Path) -> None:
    assert store.add(mood_bundle, who="a", why="x") == store.add(mood_bundle, who="b", why="y")
    assert [entry.who for entry in store.log.entries()] == ["a"]


def test_a_copy_that_broke_off_is_made_anew(store: Registry, mood_bundle: Path) -> None:
    version = check_version(mood_bundle)
    half = store.path / "versions" / version
    half.mkdir(parents=True)
    (half / bundle.MANIFEST).write_text("{", encoding="utf-8")
    store.add(mood_bundle, who="a", why="x")
    assert bundle.read(store.bundle_of(version))[0].version == version


def test_a_manifest_changed_after_registration_is_refused(
    store: Registry, mood_bundle: Path
) -> None:
    path = store.bundle_of(store.add(mood_bundle, who="a", why="x"))
    manifest = path / bundle.MANIFEST
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"accuracy": ', '"accuracy":'))
    with pytest.raises(RegistryError, match="not the one that was registered"):
        store.bundle_of(path.name)


def test_calibration_changed_by_hand_does_not_get_in(
    store: Registry, mood_bundle: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(mood_bundle, tmp_path / "copy"))
    values = json.loads((copy / bundle.MANIFEST).read_bytes())
    values["heads"]["mood"]["temperature"] = 9.5
    (copy / bundle.MANIFEST).write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(BundleError, match="calibration were changed after it was made"):
        store.add(copy, who="a", why="x")


def test_a_version_cannot_leave_the_registry(
    store: Registry, mood_bundle: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(mood_bundle, tmp_path / "copy"))
    values = json.loads((copy / bundle.MANIFEST).read_bytes())
    values["version"] = "../../" + values["version"]
    (copy / bundle.MANIFEST).write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(BundleError, match="cannot name a directory"):
        store.add(copy, who="a", why="x")


def test_promotion_needs_a_verdict(store: Registry, three: tuple[str, str, str]) -> None:
    with pytest.raises(ConflictError, match=r"has not been run on it: run `suda models judge"):
        store.promote(three[1], who="a", why="better")
    assert store.champion == three[0]


def test_a_failed_gate_refuses_with_its_words(store: Registry, three: tuple[str, str, str]) -> None:
    store.judge(verdict(store, three[1], passed=False), {})
    with pytest.raises(ConflictError, match=r"accuracy of mood 0\.60, expected at least 0\.80"):
        store.promote(three[1], who="a", why="better")
    assert store.champion == three[0]


def test_a_verdict_against_another_champion_does_not_count(
    store: Registry, three: tuple[str, str, str]
) -> None:
    store.judge(verdict(store, three[1]), {})
    store.judge(verdict(store, three[2]), {})
    store.promote(three[1], who="a", why="better")
    with pytest.raises(ConflictError, match=f"compared it with {three[0]}, not {three[1]}"):
        store.promote(three[2], who="a", why="better still")


def test_a_verdict_about_another_bundle_is_not_kept(
    store: Registry, three: tuple[str, str, str]
) -> None:
    with pytest.raises(ConflictError, match="about another bundle"):
        store.judge(verdict(store, three[1], challenger_digest="0" * 64), {})


def test_force_needs_a_reason_and_is_logged(store: Registry, three: tuple[str, str, str]) -> None:
    with pytest.raises(InputError, match="why: expected a reason"):
        store.promote(three[1], who="a", why=" ", force=True)
    store.judge(verdict(store, three[1], passed=False), {})
    entry = store.promote(three[1], who="王", why="the old one crashes", force=True)
    assert entry is not None
    assert (entry.forced, entry.who, entry.why) == (True, "王", "the old one crashes")
    assert entry.gates["failed"] == ["accuracy of mood 0.60, expected at least 0.80"]
    assert store.champion == three[1]


def test_what_serves_and_how_it_came_about(store: Registry, three: tuple[str, str, str]) -> None:
    store.judge(verdict(store, three[1]), {"heads": {}})
    entry = store.promote(three[1], who="a", why="better")
    assert entry is not None
    assert (entry.before, entry.after, entry.forced) == (three[0], three[1], False)
    assert entry.gates["passed"] is True
    aliases = store.path / "aliases"
    assert (aliases / "champion").read_text() == f"{three[1]}\n"
    assert (aliases / "previous").read_text() == f"{three[0]}\n"
    assert store.promote(three[1], who="a", why="again") is None


def test_rollback_goes_back_step_by_step(store: Registry, three: tuple[str, str, str]) -> None:
    for version in three[1:]:
        store.promote(version, who="a", why="x", force=True)
    assert store.rollback(who="b", why="complaints").after == three[1]
    assert store.rollback(who="b", why="more complaints").after == three[0]
    assert not (store.path / "aliases" / "previous").exists()
    with pytest.raises(ConflictError, match="no earlier champion"):
        store.rollback(who="b", why="x")


def test_rollback_refuses_a_damaged_bundle(store: Registry, three: tuple[str, str, str]) -> None:
    store.promote(three[1], who="a", why="x", force=True)
    (store.path / "versions" / three[0] / "vocabulary.txt").unlink()
    with pytest.raises(BundleError, match="is missing"):
        store.rollback(who="b", why="x")
    assert store.champion == three[1]


def test_shadow_on_and_off(store: Registry, three: tuple[str, str, str]) -> None:
    store.shadow(three[2], who="a", why="try")
    assert store.state().aliases_of(three[2]) == ("shadow",)
    store.shadow(None, who="a", why="enough")
    assert store.state().shadow is None
    assert not (store.path / "aliases" / "shadow").exists()
    assert store.champion == three[0]
    with pytest.raises(NotFoundError, match="no such version"):
        store.shadow("nothing", who="a", why="x")


@pytest.mark.parametrize("change", ["edit", "remove", "reorder"])
def test_a_changed_log_is_noticed(
    store: Registry, three: tuple[str, str, str], change: str
) -> None:
    path = store.log.path
    lines = path.read_bytes().splitlines(True)
    if change == "edit":
        lines[1] = lines[1].replace(b'"who": "a"', b'"who": "b"')
    elif change == "remove":
        del lines[1]
    else:
        lines[1], lines[2] = lines[2], lines[1]
    path.write_bytes(b"".join(lines))
    with pytest.raises(RegistryError, match=r"promotions\.jsonl:2: was changed"):
        store.state()


def test_a_line_half_written_is_as_if_it_were_not(
    store: Registry, three: tuple[str, str, str]
) -> None:
    with store.log.path.open("ab") as file:
        file.write(b'{"number": 5, "at": "2026')
    assert store.champion == three[0]
    store.shadow(three[1], who="a", why="try")
    assert [entry.number for entry in store.log.entries()] == [1, 2, 3, 4, 5]


def test_aliases_follow_the_log_after_a_crash(store: Registry, three: tuple[str, str, str]) -> None:
    alias = store.path / "aliases" / "champion"
    alias.write_text("someone-elses\n", encoding="utf-8")
    assert store.champion == three[0]
    store.mend()
    assert alias.read_text() == f"{three[0]}\n"


def test_what_is_served(store: Registry, mood_bundle: Path, tmp_path: Path) -> None:
    assert resolve(None, store.path) == SHIPPED
    assert resolve(mood_bundle, store.path) == mood_bundle
    version = store.add(mood_bundle, who="a", why="x")
    assert resolve(None, store.path) == SHIPPED
    store.promote(version, who="a", why="x", force=True)
    assert resolve(None, store.path) == store.path / "versions" / version


def test_an_empty_registry_begins_with_the_shipped_bundle(
    store: Registry, mood_bundle: Path
) -> None:
    assert seed(store, three_trees()[0], who="a", shipped=mood_bundle) is None
    assert store.log.entries() == []
    first = seed(store, two_labels()[0], who="a", shipped=mood_bundle)
    assert first == check_version(mood_bundle)
    assert seed(store, two_labels()[0], who="a", shipped=mood_bundle) == first
    assert [entry.action for entry in store.log.entries()] == ["register", "promote"]


def test_the_shipped_bundle_may_be_registered() -> None:
    assert check_version(SHIPPED) == bundle.read(SHIPPED)[0].version


def test_which_labels_a_bundle_answers(mood_bundle: Path) -> None:
    assert answers(mood_bundle, two_labels()[0])
    assert not answers(mood_bundle, three_trees()[0])


def _toggle(path: Path, version: str, times: int) -> None:
    for _ in range(times):
        Registry(path).shadow(version, who="p", why="x")


def test_writers_wait_for_each_other(store: Registry, three: tuple[str, str, str]) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_toggle, args=(store.path, v, 5)) for v in three]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert len(store.log.entries()) == 4 + 15


def test_a_canary_is_heard_so_the_suite_must_have_passed_it(
    store: Registry, three: tuple[str, str, str]
) -> None:
    with pytest.raises(ConflictError, match="has not been run on it"):
        store.canary(three[1], 0.1, who="a", why="try")
    store.judge(verdict(store, three[1]), {})
    entry = store.canary(three[1], 0.1, who="a", why="try")
    assert (entry.after, entry.details, entry.forced) == (three[1], {"share": 0.1}, False)
    state = store.state()
    assert (state.canary, state.share, state.canary_number) == (three[1], 0.1, entry.number)
    assert (store.path / "aliases" / "canary").read_text() == f"{three[1]}\n"
    assert state.aliases_of(three[1]) == ("canary",)
    with pytest.raises(ConflictError, match="is the champion"):
        store.canary(three[0], 0.1, who="a", why="try", force=True)
    for share in (0.0, 1.0, -1.0):
        with pytest.raises(InputError, match="share: expected more than 0"):
            store.canary(three[1], share, who="a", why="try")


def test_a_canary_ends_when_told_and_with_its_champion(
    store: Registry, three: tuple[str, str, str]
) -> None:
    assert store.end_canary(who="a", why="over") is None
    store.canary(three[1], 0.1, who="a", why="try", force=True)
    store.canary(three[1], 0.3, who="a", why="more", force=True)
    assert store.state().share == 0.3
    store.shadow(three[2], who="a", why="look")
    ended = store.end_canary(who="a", why="over")
    assert ended is not None
    assert (ended.before, ended.after) == (three[1], None)
    assert (store.state().canary, store.state().share) == (None, 0.0)
    assert not (store.path / "aliases" / "canary").exists()
    store.canary(three[1], 0.1, who="a", why="try", force=True)
    store.promote(three[2], who="a", why="other", force=True)
    assert store.state().canary is None
    store.canary(three[1], 0.1, who="a", why="try", force=True)
    store.rollback(who="a", why="back")
    assert store.state().canary is None
    assert store.state().since == store.log.entries()[-1].at
