"""Policy packs in the browser: uploaded, checked, replayed, made to hold, taken back."""

from __future__ import annotations

import io
import re
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from data.records import Complaint
from serving.intake import now
from serving.policies.files import read
from serving.store import policies
from serving.triage.policy import PACKS
from serving.web.admin_packs import difference
from serving.web.admin_replays import Replays, Run, _work
from tests.store.kit import entry
from tests.web import kit

LIST = "/ui/admin/policies"
Files = dict[str, str]


@pytest.fixture
def files() -> Files:
    """The generic pack with another department that handles everything."""
    found = read(PACKS / "generic")
    return found | {
        "departments.yaml": found["departments.yaml"] + "  - {code: elsewhere, name: 别处}\n",
        "routing.yaml": found["routing.yaml"].replace("lead: intake", "lead: elsewhere"),
    }


@pytest.fixture
def admin(web: TestClient) -> Iterator[kit.Browser]:
    kit.reset(web)
    yield kit.signed_in(web, "admin")
    with kit.application(web).state.sessions.begin() as session:
        if policies.holding(session)[1] is not None:
            policies.activate(session, None, "tests", "back", {}, now())
    state_of(web).packs.follow()


def state_of(web: TestClient) -> Any:
    return kit.application(web).state.suda


def upload(admin: kit.Browser, sent: list[tuple[str, bytes]], name: str = "ours") -> Any:
    data = {"csrf_token": admin.csrf, "name": name, "note": "改派别处"}
    parts = [("files", (file, content)) for file, content in sent]
    return admin.client.post(LIST, data=data, files=parts)


def as_zip(files: Files) -> list[tuple[str, bytes]]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"pack/{name}", text)
    return [("pack.zip", buffer.getvalue())]


def lead(web: TestClient, text: str) -> str:
    """Who leads a complaint that comes in now."""
    state = state_of(web)
    complaint = Complaint(text, now())
    answer = state.intake.pipeline.decide(complaint, "test")
    return str(answer["routing"]["lead"]["code"])


def store_complaint(web: TestClient, text: str) -> None:
    state_of(web).intake.store.save(entry(text))


def test_uploaded_replayed_activated_and_taken_back(
    web: TestClient, admin: kit.Browser, files: Files
) -> None:
    store_complaint(web, "态度恶劣，没人理我")
    sent = upload(admin, as_zip(files))
    assert sent.status_code == 303, sent.text
    where = sent.headers["location"]
    key = where.rpartition("/")[2]
    text = admin.get(where).text
    assert "检查结果" in text
    assert "别处" in text
    assert re.search(r"diff__line--added\">\+.*elsewhere", text)
    assert lead(web, "没人理我") == "intake"

    assert admin.post(f"{where}/replay", last="100").status_code == 303
    for _ in range(100):
        text = admin.get(where).text
        if "判定变化的投诉" in text:
            break
        time.sleep(0.05)
    assert "<strong>别处</strong>" in text
    done = admin.get(f"{where}/replay", **{"HX-Request": "true", "HX-Target": "replay-result"})
    assert (done.status_code, done.headers["hx-refresh"]) == (204, "true")

    assert admin.post(f"{LIST}/activate", pack=key, why=" ").status_code == 422
    answer = admin.post(f"{LIST}/activate", pack=key, why="改派别处")
    assert answer.headers["location"] == LIST
    assert lead(web, "没人理我") == "elsewhere"
    with kit.application(web).state.sessions() as session:
        last = policies.history(session, 1)[0]
    assert last.replay["moves"]["lead"] == {"intake → elsewhere": last.replay["changed"]}
    text = admin.get(LIST).text
    assert "改派别处" in text
    assert "件变化" in text

    admin.post(f"{LIST}/activate", pack="default", why="撤回")
    assert lead(web, "没人理我") == "intake"
    actions = kit.recorded(web, "policy.uploaded", "policy.activated")
    assert [action for _, action, _ in actions] == [
        "policy.uploaded", "policy.activated", "policy.activated",
    ]  # fmt: skip
    assert all(actor.startswith("user:") for actor, _, _ in actions)


def test_what_is_wrong_is_said_beside_the_field(
    admin: kit.Browser, web: TestClient, files: Files
) -> None:
    wrong = files | {"routing.yaml": files["routing.yaml"].replace("elsewhere", "nobody")}
    for sent, name, said in (
        (as_zip(wrong), "ours", "nobody"),
        (as_zip({"rules.yaml": "a: [", **files} | {"rules.yaml": "a: ["}), "ours", "rules.yaml"),
        ([("pack.zip", b"PK")], "ours", "ZIP"),
        (as_zip(files), "../x", "名称只能含"),
    ):
        answer = upload(admin, sent, name)
        assert answer.status_code == 422
        assert said in answer.text
        assert "field--bad" in answer.text
        assert 'value="改派别处"' in answer.text or "改派别处</textarea>" in answer.text
    assert kit.recorded(web, "policy.uploaded") == []


def test_what_is_not_there_is_not_activated(admin: kit.Browser, web: TestClient) -> None:
    for pack in ("", "nobody"):
        assert admin.post(f"{LIST}/activate", pack=pack, why="x").status_code == 404
    assert admin.get(f"{LIST}/nobody").status_code == 404
    assert kit.recorded(web, "policy.activated") == []


def test_the_default_pack_has_its_page(admin: kit.Browser) -> None:
    text = admin.get(f"{LIST}/default").text
    assert "此规则包正在使用" in text
    assert "文件变化" not in text


def test_an_auditor_sees_and_changes_nothing(
    web: TestClient, admin: kit.Browser, files: Files
) -> None:
    where = upload(admin, as_zip(files)).headers["location"]
    auditor = kit.signed_in(web, "auditor")
    for path in (LIST, where):
        answer = auditor.get(path)
        assert answer.status_code == 200
        assert "<form" not in answer.text.partition("<main")[2]


def test_a_difference_names_new_and_gone_files() -> None:
    found = difference({"a.yaml": "x\n", "b.yaml": "1\n2\n"}, {"b.yaml": "1\n3\n", "c.yaml": "y"})
    assert [line.text for line in found.lines if line.kind == "file"] == [
        "a.yaml（删除）", "b.yaml", "c.yaml（新增）",
    ]  # fmt: skip
    assert (found.added, found.removed, found.cut) == (2, 2, False)
    long = difference({}, {"a.yaml": "x\n" * 2_000})
    assert long.cut
    assert long.added == 2_000


def test_one_replay_of_a_pack_at_a_time(web: TestClient, admin: kit.Browser) -> None:
    state = state_of(web)
    present = state.intake.pipeline.policies
    runs = [Run("x", 10, "t", now(), 0, present, present) for _ in range(2)]
    replays = Replays()
    first = replays.begin(state, runs[0])
    again = replays.begin(state, runs[1])
    assert again is first or first.ended
    for _ in range(100):
        if first.ended:
            break
        time.sleep(0.02)
    assert first.found is not None
    assert first.found.changed == ()


def test_a_replay_that_fails_says_so(web: TestClient, admin: kit.Browser) -> None:
    state = state_of(web)
    present = state.intake.pipeline.policies
    store_complaint(web, "另一件")
    run = Run("x", 10, "t", now(), 0, present, present)
    state.draining = True
    try:
        _work(state, run)
    finally:
        state.draining = False
    assert "停止" in run.fault
    run = Run("x", 10, "t", now(), 0, present, None)  # type: ignore[arg-type]
    _work(state, run)
    assert "没有完成" in run.fault
