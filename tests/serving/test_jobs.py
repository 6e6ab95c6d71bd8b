"""Files of complaints over HTTP."""

from __future__ import annotations

import csv
import gzip
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import orjson
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from data.errors import InputError
from data.files import write_rows
from serving.api.app import create_app
from serving.settings import Settings
from tests.serving.conftest import entered, key_for

PATIENCE = 60
LIMIT = 200_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "in").mkdir()
    return folder


@pytest.fixture(scope="module")
def app(mood_bundle: Path, folder: Path) -> FastAPI:
    settings = Settings(
        bundle=mood_bundle,
        database_url=f"sqlite:///{folder}/store/suda.sqlite3",
        deadline_ms=60_000,
        batch_deadline_ms=60_000,
        max_body_bytes=50_000,
        max_job_bytes=LIMIT,
        max_job_rows=500,
        job_urls=f"file://{folder}/in/",
    )
    return create_app(settings)


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[TestClient]:
    with entered(app) as client:
        yield client


Submit = Callable[..., Any]


@pytest.fixture
def submit(client: TestClient) -> Submit:
    def send(
        content: bytes | str, name: str = "in.csv", headers: Any = None, **options: Any
    ) -> Any:
        raw = content.encode() if isinstance(content, str) else content
        data = {"options": orjson.dumps(options).decode()} if options else None
        return client.post("/v1/jobs", files={"file": (name, raw)}, data=data, headers=headers)

    return send


def ended(client: TestClient, job_id: str) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE
    while True:
        job: dict[str, Any] = client.get(f"/v1/jobs/{job_id}").json()
        if job["state"] not in ("queued", "running"):
            return job
        assert time.monotonic() < until, job
        time.sleep(0.02)


def result_of(client: TestClient, job_id: str, **query: Any) -> list[dict[str, Any]]:
    response = client.get(f"/v1/jobs/{job_id}/result", params=query)
    assert response.status_code == 200, response.text
    return [orjson.loads(line) for line in response.content.splitlines()]


def actions_on(client: TestClient, job_id: str) -> list[str]:
    links = client.get("/v1/audit", params={"subject": f"job:{job_id}", "limit": 1000}).json()
    return [link["action"] for link in links["items"]]


ROWS = "id,external_id,source,text\na,1,s1,态度真好\nb,2,s1,没人理我\nc,3,s1,\nd,4,s1,乱扣我钱\n"


def test_a_file_goes_in_and_its_decisions_come_out(client: TestClient, submit: Submit) -> None:
    response = submit(ROWS)
    assert response.status_code == 202, response.text
    job_id = response.json()["id"]
    assert response.headers["Location"] == f"/v1/jobs/{job_id}"
    assert (response.json()["total"], response.json()["failed"]) == (4, 1)
    job = ended(client, job_id)
    assert (job["state"], job["total"], job["done"], job["failed"]) == ("done", 4, 3, 1)
    assert job["started_at"] <= job["ended_at"]
    assert job["first_errors"][0]["line"] == 4
    good, bad, empty, charged = result_of(client, job_id)
    assert (good["row"], good["line"], good["id"]) == (1, 2, "a")
    assert good["decision"]["labels"]["mood"]["code"] == "good"
    assert bad["decision"]["labels"]["mood"]["code"] == "bad"
    assert "text" in empty["problem"]["detail"]
    assert charged["decision"]["versions"]["model"].startswith("linear-")
    # It is stored as any complaint is, and the same one over HTTP gets the first answer.
    same = {"text": "没人理我", "external_id": "2", "source": "s1"}
    again = client.post("/v1/classify", json=same)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json()["complaint_id"] == bad["decision"]["complaint_id"]
    assert actions_on(client, job_id) == ["job.created", "job.ended", "job.downloaded"]
    metrics = client.get("/metrics").text
    assert 'suda_job_rows_total{outcome="done"}' in metrics


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".xlsx"])
@pytest.mark.parametrize("packed", [False, True])
def test_any_format_goes_in(
    client: TestClient, submit: Submit, tmp_path: Path, suffix: str, packed: bool
) -> None:
    path = tmp_path / f"in{suffix}"
    write_rows(path, [{"内容": "没人理我", "工单": 7}], ["内容", "工单"])
    raw = gzip.compress(path.read_bytes()) if packed else path.read_bytes()
    response = submit(
        raw,
        f"in{suffix}{'.gz' if packed else ''}",
        columns={"text": "内容", "id": "工单"},
        saving="dry_run",
    )
    job_id = response.json()["id"]
    assert ended(client, job_id)["saving"] == "dry_run"
    (row,) = result_of(client, job_id)
    assert (row["id"], row["decision"]["labels"]["mood"]["code"]) == ("7", "bad")
    assert client.get(f"/v1/complaints/{row['decision']['complaint_id']}").status_code == 404


def test_spreadsheets_come_out(client: TestClient, submit: Submit) -> None:
    job_id = submit("id,text\n=1+1,没人理我\nb,\n", saving="dry_run").json()["id"]
    ended(client, job_id)
    response = client.get(f"/v1/jobs/{job_id}/result", params={"format": "csv"})
    assert response.content.startswith(b"\xef\xbb\xbf")
    assert "attachment" in response.headers["content-disposition"]
    first, second = csv.DictReader(io.StringIO(response.content.decode("utf-8-sig")))
    # A formula is defused.
    assert (first["id"], first["mood"], first["line"]) == ("'=1+1", "bad", "2")
    assert "text" in second["error"]
    response = client.get(f"/v1/jobs/{job_id}/result", params={"format": "xlsx"})
    sheet = openpyxl.load_workbook(io.BytesIO(response.content)).worksheets[0]
    header, *lines = sheet.iter_rows(values_only=True)
    assert "mood_confidence" in header
    assert len(lines) == 2


def test_results_quote_nobody_unless_asked_to(client: TestClient, submit: Submit) -> None:
    text = "没人理我，我的电话13800138000，乱扣我钱"
    job_id = submit(f"id,text\n13800138000,{text}\n").json()["id"]
    ended(client, job_id)
    (masked,), (plain,) = (result_of(client, job_id, masked=m) for m in (True, False))
    evidence = plain["decision"]["labels"]["mood"]["evidence"]
    assert all(text[span["start"] : span["end"]] == span["text"] for span in evidence)
    assert evidence
    assert not any(span["text"] for span in masked["decision"]["labels"]["mood"]["evidence"])
    assert plain["id"] == "13800138000" != masked["id"]
    links = client.get("/v1/audit", params={"subject": f"job:{job_id}"}).json()["items"]
    assert [orjson.loads(link["details"])["masked"] for link in links[-2:]] == [True, False]


def test_a_repeat_is_the_same_job(client: TestClient, submit: Submit) -> None:
    headers = {"Idempotency-Key": "job-1"}
    first, again = (submit("text\n没人理我\n", headers=headers) for _ in "12")
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert submit("text\n别的\n", headers=headers).status_code == 409


def test_a_file_is_fetched_from_where_it_may_be(client: TestClient, folder: Path) -> None:
    (folder / "in" / "投诉.csv").write_text("内容\n没人理我\n", encoding="utf-8")
    wish = {"url": f"file://{folder}/in/投诉.csv", "columns": {"text": "内容"}}
    response = client.post("/v1/jobs", json=wish)
    assert response.status_code == 202, response.text
    assert response.json()["name"] == "投诉.csv"
    assert ended(client, response.json()["id"])["done"] == 1
    for url in ("file:///etc/passwd", "http://169.254.169.254/", f"file://{folder}/in/none.csv"):
        refused = client.post("/v1/jobs", json={"url": url})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == "url"


@pytest.mark.parametrize(
    ("content", "name", "options", "status", "field"),
    [
        (b"", "in.csv", {}, 422, "file"),
        (b"text\n", "in.csv", {}, 422, "file"),
        ("text\n没人理我\n", "in.pdf", {}, 422, "file"),
        ("words\n没人理我\n", "in.csv", {}, 422, "columns.text"),
        ("text\nx\n", "in.csv", {"columns": {"colour": "x"}}, 422, None),
        ("text\nx\n", "in.csv", {"colour": 1}, 422, "colour"),
        (b"\x1f\x8bx", "in.csv.gz", {}, 422, "file"),
        (gzip.compress(b"\0" * (LIMIT + 1)), "in.csv.gz", {}, 413, "file"),
        ("text\n" + "没人理我\n" * 501, "in.csv", {}, 413, "file"),
        (b"x" * (LIMIT + 1), "in.csv", {}, 413, "file"),
        (b"x" * (LIMIT * 2), "in.csv", {}, 413, "body"),
    ],
)
def test_what_cannot_be_read_is_refused_at_once(
    client: TestClient,
    submit: Submit,
    content: bytes | str,
    name: str,
    options: dict[str, Any],
    status: int,
    field: str | None,
) -> None:
    before = client.get("/v1/jobs").json()["items"]
    response = submit(content, name, **options)
    assert response.status_code == status, response.text
    if field:
        assert response.json()["errors"][0]["field"] == field
    assert client.get("/v1/jobs").json()["items"] == before


def test_bodies_of_other_kinds_are_refused(client: TestClient) -> None:
    answer = client.post("/v1/jobs", content=b"text\nx\n", headers={"Content-Type": "text/csv"})
    assert answer.json()["errors"][0]["field"] == "Content-Type"
    for body in (b"{}", b"nonsense", b"[]", b'{"url": 7}'):
        headers = {"Content-Type": "application/json"}
        assert client.post("/v1/jobs", content=body, headers=headers).status_code in (400, 422)
    # The larger limit is for files only.
    large = b'{"url": "' + b"x" * 60_000 + b'"}'
    assert client.post("/v1/classify", content=large).status_code == 413
    headers = {"Content-Type": "application/json"}
    large += b" " * 10_000
    assert client.post("/v1/jobs", content=large, headers=headers).status_code == 413


def test_jobs_are_listed_page_by_page(client: TestClient, submit: Submit) -> None:
    made = [submit("text\n没人理我\n", f"{n}.csv").json()["id"] for n in range(3)]
    for job_id in made:
        ended(client, job_id)
    first = client.get("/v1/jobs", params={"limit": 2, "state": "done"}).json()
    assert [job["id"] for job in first["items"]] == made[:0:-1]
    second = client.get("/v1/jobs", params={"limit": 1, "before": first["next"]}).json()
    assert [job["id"] for job in second["items"]] == made[:1]
    assert client.get("/v1/jobs", params={"state": "loading"}).status_code == 422


def test_errors_come_page_by_page(client: TestClient, submit: Submit) -> None:
    content = "text,source\n" + "".join(f",{n}\n" for n in range(5))
    job_id = submit(content).json()["id"]
    ended(client, job_id)
    first = client.get(f"/v1/jobs/{job_id}/errors", params={"limit": 3}).json()
    assert [one["row"] for one in first["items"]] == [1, 2, 3]
    rest = client.get(f"/v1/jobs/{job_id}/errors", params={"after": first["next"]}).json()
    assert ([one["row"] for one in rest["items"]], rest["next"]) == ([4, 5], None)


def test_a_job_is_paused_cancelled_resumed_and_removed(
    client: TestClient, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.store.job_lease.claim", lambda *_: None)
    job_id = submit("text\n没人理我\n").json()["id"]
    url = f"/v1/jobs/{job_id}"
    assert client.get(f"{url}/result").status_code == 409
    assert client.get(f"{url}/result", params={"partial": True}).content == b""
    assert client.delete(url).status_code == 409
    assert client.post(f"{url}/pause").json()["state"] == "paused"
    assert client.post(f"{url}/resume").json()["state"] == "queued"
    assert client.post(f"{url}/resume").status_code == 409
    assert client.post(f"{url}/cancel").json()["state"] == "cancelled"
    assert client.get(f"{url}/result").content == b""
    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == client.delete(url).status_code == 404
    assert actions_on(client, job_id) == [
        "job.created",
        "job.downloaded",
        "job.paused",
        "job.resumed",
        "job.cancelled",
        "job.downloaded",
        "job.deleted",
    ]
    for path in ("", "/errors", "/result"):
        assert client.get(f"/v1/jobs/none{path}").status_code == 404


@pytest.mark.parametrize(
    ("scope", "hands_in", "sees", "reads", "steers"),
    [
        ("intake", 202, 200, 200, 200),
        ("review", 403, 200, 200, 403),
        ("admin", 403, 200, 200, 200),
        ("audit", 403, 200, 403, 403),
    ],
)
def test_scopes(
    app: FastAPI,
    client: TestClient,
    submit: Submit,
    scope: Any,
    hands_in: int,
    sees: int,
    reads: int,
    steers: int,
) -> None:
    job_id = submit("text\n没人理我\n").json()["id"]
    ended(client, job_id)
    headers = {"Authorization": f"Bearer {key_for(app, scope)}"}
    assert submit("text\nx\n", headers=headers).status_code == hands_in
    assert client.get(f"/v1/jobs/{job_id}", headers=headers).status_code == sees
    assert client.get(f"/v1/jobs/{job_id}/errors", headers=headers).status_code == reads
    assert client.get(f"/v1/jobs/{job_id}/result", headers=headers).status_code == reads
    again = client.post(f"/v1/jobs/{job_id}/resume?failed=true", headers=headers)
    assert again.status_code == steers


def test_a_job_s_complaints_are_audited_as_its_sender_s(
    app: FastAPI, client: TestClient, submit: Submit
) -> None:
    token = key_for(app, "intake")
    headers = {"Authorization": f"Bearer {token}"}
    job_id = submit("text\n没人理我\n", headers=headers).json()["id"]
    ended(client, job_id)
    (row,) = result_of(client, job_id)
    subject = f"complaint:{row['decision']['complaint_id']}"
    links = client.get("/v1/audit", params={"subject": subject}).json()["items"]
    assert links[0]["actor"] == f"key:{token[5:17]}"


def test_a_spool_that_is_not_there_is_made_and_one_that_cannot_be_is_named(
    settings: Settings, tmp_path: Path
) -> None:
    spool = tmp_path / "not" / "there"
    with entered(create_app(settings.model_copy(update={"job_spool": spool}))):
        assert spool.is_dir()
    (tmp_path / "file").write_text("x")
    wrong = settings.model_copy(update={"job_spool": tmp_path / "file" / "spool"})
    with pytest.raises(InputError, match="SUDA_JOB_SPOOL"), entered(create_app(wrong)):
        pass
