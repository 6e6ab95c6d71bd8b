"""The curl script and the Java example, run as they are against a running service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from serving.outbox import signing
from tests.clients.kit import CLIENTS, PATIENCE, TEXT, Live

SCRIPT = CLIENTS / "curl" / "examples.sh"


def environment(live: Live) -> dict[str, str]:
    return {**os.environ, "SUDA_URL": live.url, "SUDA_API_KEY": live.key, "LC_ALL": "C.UTF-8"}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_every_curl_example_works(live: Live) -> None:
    done = subprocess.run(
        [SCRIPT],
        env=environment(live),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    titles = [line for line in done.stdout.splitlines() if line.startswith("# ")]
    assert len(titles) == SCRIPT.read_text("utf-8").count("\necho '# ")
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert answers[0]["status"] == "ready"
    assert answers[1]["routing"]["lead"]
    assert [set(item) & {"decision", "problem"} for item in answers[3]["items"]] == [
        {"decision"},
        {"problem"},
    ]
    assert "suda_ready 1.0" in done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_refusal_ends_the_script_and_is_shown(live: Live) -> None:
    given = {**environment(live), "SUDA_API_KEY": live.key_for("audit")}
    done = subprocess.run(
        [SCRIPT], env=given, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode != 0
    assert '"code":"forbidden"' in done.stdout.replace(" ", "")


def test_the_scripts_are_sound() -> None:
    tool = shutil.which("shellcheck")
    if tool is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run([tool, SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that runs the compiled example."""
    if shutil.which("javac") is None or shutil.which("java") is None:
        pytest.skip("there is no Java (Debian: default-jdk-headless)")
    folder = tmp_path_factory.mktemp("java")
    compiler = ["javac", "--release", "11", "-Xlint:all", "-Werror", "-encoding", "UTF-8"]
    source = CLIENTS / "java" / "Suda.java"
    done = subprocess.run(
        [*compiler, "-d", folder, source], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return ["java", "-Dfile.encoding=UTF-8", "-cp", str(folder), "Suda"]


def run(java: list[str], *words: str, live: Live | None = None) -> subprocess.CompletedProcess[str]:
    given = environment(live) if live else {**os.environ, "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        [*java, *words], env=given, capture_output=True, text=True, check=False, timeout=PATIENCE
    )


def test_java_gets_a_decision(java: list[str], live: Live) -> None:
    complaint = json.dumps({"text": TEXT}, ensure_ascii=False)
    done = run(java, complaint, live=live)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["labels"]["urgency"]["rules"]
    (evidence, *_) = answer["flags"][0]["evidence"]
    assert TEXT[evidence["start"] : evidence["end"]] == evidence["text"]


def test_java_shows_the_problem(java: list[str], live: Live) -> None:
    done = run(java, '{"text": ""}', live=live)
    assert done.returncode == 1
    assert done.stderr.startswith("HTTP 422 ")
    assert '"field":"text"' in done.stderr


def test_java_knows_a_work_order(java: list[str], tmp_path: Path) -> None:
    secret, body = signing.new_secret(), '{"text":"没人理我"}'
    header = signing.sign([signing.new_secret(), secret], int(time.time()), body.encode())
    assert run(java, "verify", secret, header, body).stdout.strip() == "true"
    assert run(java, "verify", secret, header, body + " ").stdout.strip() == "false"
