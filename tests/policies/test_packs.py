"""Packs as they come in, in the store, tried on past complaints, and followed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace as with_changes
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from data.errors import InputError, NotFoundError, PolicyError
from data.records import Complaint
from data.taxonomy.schema import Taxonomy
from model.runtime import load as load_bundle
from serving.policies import active
from serving.policies.files import digest_of, parsed, read, unpacked
from serving.policies.follow import Follower
from serving.policies.replay import Change, replay
from serving.store import policies
from serving.store.database import connect, migrate
from serving.store.store import Store
from serving.store.tables import AuditRow
from serving.triage.policy import PACKS, PolicySet, load
from tests.store.kit import entry

NOW = datetime(2026, 6, 3, 9, 30, tzinfo=UTC)
GENERIC = PACKS / "generic"


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return read(GENERIC)


@pytest.fixture(scope="module")
def taxonomy(mood_bundle: Path) -> Taxonomy:
    return load_bundle(mood_bundle).taxonomy


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    engine: Engine = connect(database_url)
    migrate(engine)
    store = Store(engine)
    yield store
    store.close()


def zipped(files: dict[str, str], folder: str = "pack/") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(folder + name, content)
    return buffer.getvalue()


def routed_elsewhere(files: dict[str, str]) -> dict[str, str]:
    departments = files["departments.yaml"] + "  - {code: elsewhere, name: 别处}\n"
    routing = files["routing.yaml"].replace("lead: intake", "lead: elsewhere")
    assert routing != files["routing.yaml"]
    return files | {"departments.yaml": departments, "routing.yaml": routing}


def test_an_archive_is_the_files_in_it(files: dict[str, str]) -> None:
    assert unpacked([("pack.zip", zipped(files))]) == files
    one_by_one = [(name, text.encode("utf-8-sig")) for name, text in files.items()]
    assert unpacked(one_by_one) == files
    assert digest_of(unpacked(reversed(one_by_one))) == digest_of(files)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ([], "expected YAML"),
        ([("rules.yaml", b"\xff")], "UTF-8"),
        ([("../../etc/passwd", b"")], "names such as"),
        ([("rules.yaml", b""), ("rules.yaml", b"")], "twice"),
        ([("pack.zip", b"PK")], "ZIP"),
        ([("pack.zip", zipped({"a.sh": "x"}))], "names such as"),
        ([("pack.zip", zipped({"rules.yaml": "x" * 5_000_000}))], "4 MB"),
        ([("rules.yaml", b"x" * 5_000_000)], "4 MB"),
    ],
)
def test_what_is_no_pack_is_refused(sent: list[tuple[str, bytes]], said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        unpacked(sent)


def test_an_error_names_the_file_and_no_path(files: dict[str, str], taxonomy: Taxonomy) -> None:
    wrong = files | {"routing.yaml": files["routing.yaml"].replace("lead: intake", "lead: nobody")}
    with pytest.raises(PolicyError) as caught:
        parsed("ours", wrong, taxonomy)
    assert "nobody" in str(caught.value)
    assert "suda-policy" not in str(caught.value)
    with pytest.raises(PolicyError, match="name"):
        parsed("../ours", files, taxonomy)


def test_the_same_files_are_the_same_pack(
    store: Store, files: dict[str, str], taxonomy: Taxonomy
) -> None:
    sent = [(name, text.encode()) for name, text in files.items()]
    with store.session.begin() as session:
        first, found = active.upload(session, "ours", sent, "", taxonomy, "web:li", NOW)
        again, _ = active.upload(session, "ours", sent, "", taxonomy, "web:li", NOW)
        assert first.id == again.id
        assert first.stamp == found.policies[-1].stamp
        assert first.stamp.startswith("ours@")
        assert [row.action for row in session.query(AuditRow)] == ["policy.uploaded"]


def test_activations_are_a_history_and_the_last_one_holds(
    store: Store, files: dict[str, str], taxonomy: Taxonomy
) -> None:
    sent = [(name, text.encode()) for name, text in routed_elsewhere(files).items()]
    with store.session.begin() as session:
        assert active.held(session, taxonomy).number == 0
        pack_id = active.upload(session, "ours", sent, "", taxonomy, "li", NOW)[0].id
        policies.activate(session, pack_id, "li", "改派", {"changed": 1}, NOW)
    with store.session.begin() as session:
        held = active.held(session, taxonomy)
        assert held.pack_id == pack_id
        assert held.policies is not None
        policies.activate(session, None, "li", "撤回", {}, NOW)
    with store.session() as session:
        assert active.held(session, taxonomy).policies is None
        assert [row.why for row in policies.history(session)] == ["撤回", "改派"]
        with pytest.raises(InputError, match="why"):
            policies.activate(session, None, "li", " ", {}, NOW)
        with pytest.raises(NotFoundError, match="pack_id"):
            policies.activate(session, "nobody", "li", "x", {}, NOW)


def test_a_replay_shows_what_the_policy_alone_changes(
    files: dict[str, str], taxonomy: Taxonomy, mood_bundle: Path
) -> None:
    classifier, before = load_bundle(mood_bundle), load(GENERIC, taxonomy)
    after = parsed("ours", routed_elsewhere(files), taxonomy)
    past = [(f"c{i}", Complaint(text, NOW)) for i, text in enumerate(["态度恶劣", "没人理我", " "])]
    same = replay(past, classifier, taxonomy, before, before)
    assert (same.total, same.changed, same.failed) == (3, (), ("c2",))
    found = replay(past, classifier, taxonomy, before, after)
    assert [one.complaint_id for one in found.changed] == ["c0", "c1"]
    assert found.changed[0].changes == (Change("lead", "intake", "elsewhere"),)
    assert found.fields == {"lead": 2}
    assert found.summary()["moves"] == {"lead": {"intake → elsewhere": 2}}


def test_past_complaints_come_newest_first_and_erased_ones_not(store: Store) -> None:
    first, second = entry("一"), entry("二")
    later = with_changes(second.complaint, received_at=NOW + timedelta(days=999))
    store.save(first)
    store.save(with_changes(second, complaint=later))
    with store.session() as session:
        assert [c.text for _, c in policies.past(session, 9)] == ["二", "一"]
        assert [c.text for _, c in policies.past(session, 1)] == ["二"]


def test_a_running_service_follows_each_activation_once(
    store: Store, files: dict[str, str], taxonomy: Taxonomy
) -> None:
    applied: list[PolicySet | None] = []
    follower = Follower(store.session, lambda: taxonomy, applied.append)
    assert not follower.follow()
    sent = [(name, text.encode()) for name, text in routed_elsewhere(files).items()]
    with store.session.begin() as session:
        row = active.upload(session, "ours", sent, "", taxonomy, "li", NOW)[0]
        policies.activate(session, row.id, "li", "改派", {}, NOW)
    assert follower.follow()
    assert not follower.follow()
    assert follower.pack_id == row.id
    assert applied[0] is not None
    assert applied[0].policies[-1].router.departments["elsewhere"].name == "别处"
    with store.session.begin() as session:
        policies.activate(session, None, "li", "撤回", {}, NOW)
    assert follower.follow()
    assert applied[1] is None


def test_a_pack_that_no_longer_fits_leaves_everything_as_it_was(
    store: Store, files: dict[str, str], taxonomy: Taxonomy
) -> None:
    applied: list[PolicySet | None] = []
    follower = Follower(store.session, lambda: taxonomy, applied.append)
    with store.session.begin() as session:
        wrong = policies.Upload("ours", "ours@1+0", files | {"rules.yaml": "version: 1"})
        row = policies.add(session, wrong, "li", NOW)
        policies.activate(session, row.id, "li", "x", {}, NOW)
    assert not follower.follow()
    assert applied == []
