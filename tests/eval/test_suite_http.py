"""The same texts through the service: asked over HTTP, compared part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient

from data.errors import InputError, NotReadyError
from data.labelled import LabelledText
from eval.suite.http import Service, post
from eval.suite.run import Extras, run_suite
from eval.suite.subject import Subject
from serving.api.app import create_app
from serving.settings import Settings
from tests.conftest import mood_texts
from tests.eval.suite_kit import suite
from tests.serving.conftest import key_for

CASES = mood_texts()[::3]
GATES = suite(metric=[{"metric": "served_differing", "max": 0, "required": True}])
Post = Callable[[str, bytes, Mapping[str, str]], bytes]


@pytest.fixture(scope="module")
def service(mood_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    store = tmp_path_factory.mktemp("store")
    app = create_app(
        Settings(
            bundle=mood_bundle,
            database_url=f"sqlite:///{store}/suda.sqlite3",
            deadline_ms=60_000,
            batch_deadline_ms=60_000,
        )
    )
    with TestClient(app) as client:

        def send(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
            answer = client.post(url, content=body, headers=dict(headers))
            assert answer.status_code == 200, answer.text
            return answer.content

        yield Service("http://testserver", key_for(app, "intake"), post=send)


def asked(subject: Path, service: Service, cases: list[LabelledText] = CASES) -> Any:
    return run_suite(Subject.load(subject), cases, config=GATES, extras=Extras(service=service))


def changing(service: Service, change: Callable[[Any], None]) -> Service:
    def send(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        answer = orjson.loads(service.post(url, body, headers))
        change(answer["items"][0])
        return orjson.dumps(answer)

    return Service(service.url, service.key, post=send, sleep=lambda _: None)


def test_the_service_decides_as_the_suite_does(mood_bundle: Path, service: Service) -> None:
    found = asked(mood_bundle, service)
    assert found.passed, found.served
    assert (found.served.n, found.served.differing) == (len(CASES), 0)
    assert found.served.model == found.challenger.version


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda d: d["labels"]["mood"].update(code="x"), "label:mood"),
        (lambda d: d["labels"]["mood"].update(confidence=0.1234), "label:mood"),
        (lambda d: d["routing"]["lead"].update(code="x"), "lead"),
        (lambda d: d["deadlines"].clear(), "deadlines"),
        (lambda d: d["review"].update(needed="maybe"), "review"),
        (lambda d: d["versions"].update(model="other"), "model"),
    ],
)
def test_every_other_decision_is_found(
    mood_bundle: Path, service: Service, change: Callable[[Any], None], field: str
) -> None:
    other = changing(service, lambda item: change(item["decision"]))
    found = asked(mood_bundle, other, CASES[:8])
    assert found.served.fields == {field: 1}
    assert found.served.examples == (CASES[0].id,)
    assert [gate.metric for gate in found.stopping] == ["served_differing"]
    assert CASES[0].id in found.cases


def test_a_problem_is_a_difference(mood_bundle: Path, service: Service) -> None:
    def spoil(item: Any) -> None:
        item.clear()
        item["problem"] = {"status": 422, "code": "invalid_input"}

    found = asked(mood_bundle, changing(service, spoil), CASES[:4])
    assert found.served.fields == {"problem:invalid_input": 1}


def test_a_busy_service_is_asked_again(mood_bundle: Path, service: Service) -> None:
    calls: list[int] = []

    def busy_once(item: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            item.clear()
            item["problem"] = {"status": 429, "code": "busy"}

    assert asked(mood_bundle, changing(service, busy_once), CASES[:4]).passed
    assert len(calls) == 2


def test_a_service_that_is_not_there() -> None:
    def never(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        raise NotReadyError("no", field=url)

    slept: list[float] = []
    lonely = Service("http://localhost:1", post=never, sleep=slept.append)
    subject = [LabelledText("1", "好", {"mood": "good"})]
    with pytest.raises(NotReadyError):
        list(lonely.classify([_complaint(each) for each in subject]))
    assert slept == sorted(slept)
    assert len(slept) >= 3


def _complaint(item: LabelledText) -> Any:
    from eval.suite.answers import complaint_of
    from tests.conftest import two_labels
    from tests.eval.suite_kit import WHEN

    return complaint_of(item, two_labels()[0], WHEN)


def test_addresses_and_refusals() -> None:
    with pytest.raises(InputError, match="http"):
        Service("file:///etc/passwd")
    with pytest.raises(NotReadyError, match="cannot be reached"):
        post("http://127.0.0.1:9/v1", b"{}", {})
    assert "secret" not in repr(Service("http://x", "secret"))
