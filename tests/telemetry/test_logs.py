from __future__ import annotations

import logging
import sys
from collections.abc import Iterator

import orjson
import pytest
from starlette.types import Scope

from data.errors import InputError
from serving.telemetry import logs
from serving.telemetry.middleware import request_id

WORDS = "我的卡号六二二二"


@pytest.fixture(autouse=True)
def nothing_said() -> Iterator[None]:
    logs._facts.set(None)
    yield
    logs._facts.set(None)


def record(message: str = "done", **extra: object) -> logging.LogRecord:
    return logging.getLogger("suda.test").makeRecord(
        "suda.test", logging.INFO, "f", 1, message, (), None, extra=extra or None
    )


def test_a_line_is_one_json_object_with_the_facts_of_its_request() -> None:
    logs.begin(request_id="r1", model="m1")
    logs.note(text_chars=5)
    line = orjson.loads(logs.JsonFormatter().format(record("a\nb", seconds=2)))
    assert line["message"] == "a\nb"
    assert (line["request_id"], line["model"], line["text_chars"]) == ("r1", "m1", 5)
    assert (line["level"], line["logger"], line["seconds"]) == ("info", "suda.test", 2)
    assert "\n" not in logs.JsonFormatter().format(record("a\nb"))


def test_outside_of_a_request_there_are_no_facts() -> None:
    logs.note(text_chars=5)
    assert "text_chars" not in orjson.loads(logs.JsonFormatter().format(record()))


def test_for_people_it_is_one_line_of_text() -> None:
    logs.begin(request_id="r1")
    assert logs.TextFormatter().format(record("ready")).endswith("info    ready request_id=r1")


def test_an_error_s_own_words_stay_out_unless_they_are_ours() -> None:
    lines = []
    for error in (ValueError(WORDS), InputError("expected a date", field="received_at")):
        try:
            raise error
        except (ValueError, InputError):
            made = record("failed")
            made.exc_info = sys.exc_info()
            lines.append(logs.JsonFormatter().format(made))
    assert WORDS not in lines[0]
    assert "ValueError at test_an_error_s_own_words" in lines[0]
    assert "InputError: received_at: expected a date at" in lines[1]


def test_lines_go_to_standard_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    level = root.level
    try:
        logs.configure("json", "warning")
        logging.getLogger("suda.test").info("unsaid")
        logging.getLogger("suda.test").warning("said")
    finally:
        root.setLevel(level)
    (line,) = capsys.readouterr().err.splitlines()
    assert orjson.loads(line)["message"] == "said"


def test_of_a_text_only_length_and_hash_are_told() -> None:
    told = logs.fingerprint_of(WORDS)
    assert told["text_chars"] == len(WORDS)
    assert told == logs.fingerprint_of(WORDS)
    assert told != logs.fingerprint_of(WORDS + "。")
    assert not set(str(told)) & set(WORDS)


@pytest.mark.parametrize("given", ["call-7", "a" * 64, "01J:x.y_z"])
def test_a_plain_name_of_the_caller_s_is_kept(given: str) -> None:
    assert request_id(_scope(given)) == given


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", 'x"\n{', "名", "\x00"])
def test_any_other_is_replaced(given: str) -> None:
    assert request_id(_scope(given)) != given
    assert len(request_id(_scope(given))) == 26


def _scope(given: str) -> Scope:
    return {"headers": [(b"x-request-id", given.encode())]}
