"""What the service signs, the Python client, the example receiver and Java accept; nothing else."""

from __future__ import annotations

import importlib.util
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from types import ModuleType

import pytest
from suda_client import webhook

from serving.outbox import signing
from tests.clients.kit import CLIENTS

SECRET, OLD, AT = signing.new_secret(), signing.new_secret(), 1_800_000_000
BODY = json.dumps({"id": "1", "text": "没人理我"}, ensure_ascii=False).encode()
GOOD = signing.sign([SECRET], AT, BODY)
BAD = {
    "another secret": signing.sign([OLD], AT, BODY),
    "another body": signing.sign([SECRET], AT, BODY + b" "),
    "another time": GOOD.replace(str(AT), str(AT + 1)),
    "too old": signing.sign([SECRET], AT - 301, BODY),
    "from the future": signing.sign([SECRET], AT + 301, BODY),
    "no signature": f"t={AT}",
    "nothing": "",
    "rubbish": "t=x,v1=" + "0" * 64,
    "another version": GOOD.replace("v1", "v0"),
}


@pytest.fixture(scope="module")
def example() -> ModuleType:
    path = CLIENTS / "receiver" / "receiver.py"
    spec = importlib.util.spec_from_file_location("receiver", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_work_order_is_known(example: ModuleType) -> None:
    webhook.verify(SECRET, GOOD, BODY, now=AT + 10)
    assert example.signed(SECRET, GOOD, BODY, AT + 10)


def test_while_a_secret_is_changed_either_will_do(example: ModuleType) -> None:
    both = signing.sign([SECRET, OLD], AT, BODY)
    for secret in (SECRET, OLD):
        webhook.verify(secret, both, BODY, now=AT)
        assert example.signed(secret, both, BODY, AT)


@pytest.mark.parametrize("header", BAD.values(), ids=BAD.keys())
def test_everything_else_is_refused(example: ModuleType, header: str) -> None:
    with pytest.raises(webhook.SignatureError):
        webhook.verify(SECRET, header, BODY, now=AT)
    assert not example.signed(SECRET, header, BODY, AT)


@pytest.fixture
def listening(example: ModuleType) -> Iterator[tuple[str, dict[str, object]]]:
    kept: dict[str, object] = {}
    handler = example.receiver(SECRET, kept.setdefault)
    handler.log_message = lambda *_: None
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", kept
    server.shutdown()
    server.server_close()
    thread.join()


def send(url: str, header: str) -> int:
    headers = {"Suda-Signature": header, "Idempotency-Key": "order-1"}
    request = urllib.request.Request(url, BODY, headers)  # noqa: S310 - ours
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_the_receiver_keeps_each_order_once(listening: tuple[str, dict[str, object]]) -> None:
    url, kept = listening
    header = signing.sign([SECRET], int(time.time()), BODY)
    assert [send(url, header), send(url, header)] == [204, 204]
    assert kept == {"order-1": json.loads(BODY)}
    assert send(url, signing.sign([OLD], int(time.time()), BODY)) == 400
    assert len(kept) == 1
