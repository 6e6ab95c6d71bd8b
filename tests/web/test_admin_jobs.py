"""Files of complaints handed in, followed and fetched in the browser."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.web import kit

LIST = "/ui/admin/jobs"
CSV = "内容,编号\n态度恶劣没人理我,A1\n办事很快点个大赞,A2\n,A3\n"
OPTIONS = {"columns": {"text": "内容", "external_id": "编号"}, "defaults": {"source": "phone"}}


@pytest.fixture
def admin(web: TestClient) -> kit.Browser:
    kit.reset(web)
    return kit.signed_in(web, "admin")


def send(
    admin: kit.Browser, content: str = CSV, options: Any = OPTIONS, name: str = "b.csv", **more: str
) -> Any:
    headers = {"Accept": "application/json", "X-CSRF-Token": admin.csrf, **more}
    parts: Any = {"options": (None, json.dumps(options)), "file": (name, content.encode())}
    return admin.client.post(LIST, files=parts, headers=headers)


def ended(admin: kit.Browser, href: str) -> str:
    """The job's page once nothing goes on any more."""
    for _ in range(200):
        answer = admin.get(f"{href}/progress", **{"HX-Request": "true"})
        if answer.status_code == 204:
            assert answer.headers["hx-refresh"] == "true"
            return str(admin.get(href).text)
        assert "every 1s" in answer.text
        time.sleep(0.05)
    pytest.fail("the job does not end")


def test_handed_in_followed_and_fetched(web: TestClient, admin: kit.Browser) -> None:
    sent = send(admin)
    assert sent.status_code == 201, sent.text
    href = sent.json()["href"]
    text = ended(admin, href)
    assert "b.csv" in text
    assert "every 1s" not in text, "nobody asks about what has ended"
    assert "重试失败的行" in text
    listed = admin.get(LIST).text
    assert href in listed
    assert "every 2s" not in listed
    csv = admin.get(f"{href}/result?format=csv")
    assert csv.headers["content-disposition"].endswith('.csv"')
    assert len(csv.content.decode("utf-8-sig").splitlines()) == 4
    assert "态度恶劣" not in csv.text
    assert admin.get(f"{href}/result?format=jsonl&masked=false").status_code == 200
    for bad in ("x", "pdf"):
        assert admin.get(f"{href}/result?format={bad}").status_code == 422
    assert admin.post(f"{href}/turn", wanted="paused").status_code == 409
    assert admin.post(f"{href}/turn", wanted="queued", failed="true").status_code == 303
    ended(admin, href)
    assert admin.post(f"{href}/remove").status_code == 303
    assert admin.get(href).status_code == 404
    seen = [a for _, a, _ in kit.recorded(web, "job.created", "job.downloaded", "job.removed")]
    assert seen.count("job.downloaded") == 2
    assert seen[0] == "job.created"


def test_the_same_click_twice_is_one_job(admin: kit.Browser) -> None:
    first, again = (send(admin, **{"Idempotency-Key": "one-click"}) for _ in range(2))
    assert first.json() == again.json()


@pytest.mark.parametrize(
    ("content", "options", "name", "said"),
    [
        ("", OPTIONS, "b.csv", "文件无法读取"),
        (CSV, {"columns": {"text": "没有的列"}}, "b.csv", "有误"),
        (CSV, OPTIONS, "b.doc", "文件无法读取"),
        (CSV, {"columns": {"colour": "x"}}, "b.csv", "选项有误"),
        (CSV, {"saving": "perhaps"}, "b.csv", "选项有误"),
    ],
)
def test_what_is_wrong_is_said(
    admin: kit.Browser, content: str, options: Any, name: str, said: str
) -> None:
    answer = send(admin, content, options, name)
    assert 400 <= answer.status_code < 500
    assert said in answer.json()["detail"]


def test_no_file_without_the_token(admin: kit.Browser) -> None:
    assert send(admin, **{"X-CSRF-Token": "guessed"}).status_code == 403


def test_an_auditor_reads_masked_results_only(web: TestClient, admin: kit.Browser) -> None:
    href = send(admin).json()["href"]
    ended(admin, href)
    auditor = kit.signed_in(web, "auditor")
    text = auditor.get(href).text
    assert "未脱敏" not in text
    assert "删除" not in text
    assert auditor.get(f"{href}/result").status_code == 200
    assert auditor.get(f"{href}/result?masked=false").status_code == 403
    assert "导入文件" not in auditor.get(LIST).text
