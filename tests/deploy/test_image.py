"""The Dockerfile: linted, and held to what the documents promise of the image."""

from __future__ import annotations

import ast
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

from serving.api.app import create_app
from tests.deploy.kit import ROOT, command_exists, paths, settings_of

TEXT = (ROOT / "Dockerfile").read_text("utf-8")


def stages() -> dict[str, list[tuple[str, str]]]:
    """Instructions with their values, by stage."""
    # Given as a stream: else the parser writes a file of its own.
    structure = DockerfileParser(fileobj=io.BytesIO(TEXT.encode())).structure
    found: dict[str, list[tuple[str, str]]] = {}
    name = ""
    for step in structure:
        if step["instruction"] == "FROM":
            name = step["value"].split(" AS ")[1]
            found[name] = []
        if step["instruction"] != "COMMENT":
            found.setdefault(name, []).append((step["instruction"], step["value"]))
    return found


STAGES = stages()


def values(stage: str, instruction: str) -> list[str]:
    return [value for name, value in STAGES[stage] if name == instruction]


def environment() -> dict[str, str]:
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(values("runtime", "ENV"))))


def test_hadolint_finds_nothing() -> None:
    tool = shutil.which("hadolint")
    if tool is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run([tool, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_is_built_by_default_serves() -> None:
    """Docker builds the last stage where none is named."""
    assert list(STAGES)[-1] == "serve"
    assert json.loads(values("serve", "ENTRYPOINT")[0]) == ["suda"]
    assert json.loads(values("serve", "CMD")[0]) == ["serve"]


@pytest.mark.parametrize("stage", ["serve", "train"])
def test_it_runs_as_a_number_that_is_not_root(stage: str) -> None:
    last = [value for name, value in STAGES[stage] if name == "USER"][-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last)
    order = [name for name, _ in STAGES[stage]]
    assert "RUN" not in order[order.index("USER") :]


def test_bases_are_pinned_and_the_same() -> None:
    bases = {value.split()[0] for stage in STAGES for value in values(stage, "FROM")}
    assert bases - set(STAGES) == {"python:3.11-slim-bookworm"}


def test_the_serving_image_has_neither_compiler_nor_training_libraries() -> None:
    steps = " ".join(value for stage in ("runtime", "serve") for _, value in STAGES[stage])
    assert "apt-get" not in steps
    assert "train" not in steps
    assert "--no-index" in steps
    # Only the stage before it meets an index.
    assert "pip wheel" not in steps.replace('", "', " ")
    assert ".[postgres,otel]" in " ".join(values("wheels", "RUN"))
    assert "suda[postgres,otel]" in steps


def test_its_settings_are_settings_and_listen_behind_keys() -> None:
    settings = settings_of(environment())
    assert settings.auth == "on"
    assert settings.host == "0.0.0.0"  # noqa: S104 - a container's own
    assert [str(settings.port)] == values("serve", "EXPOSE")
    assert settings.text_key is None
    # It would start: keys are asked for.
    create_app(settings)


def test_it_writes_to_its_volume_and_to_tmp_only() -> None:
    (volume,) = json.loads(values("serve", "VOLUME")[0])
    assert values("serve", "WORKDIR") == [volume] == [environment()["HOME"]]
    settings = settings_of(environment())
    assert settings.database_url.startswith(f"sqlite:///{volume}/")
    # What is relative is in the working directory.
    assert not Path(settings.registry).is_absolute()
    assert environment()["TMPDIR"] == "/tmp"  # noqa: S108


def test_the_health_check_asks_a_path_that_exists() -> None:
    (check,) = values("serve", "HEALTHCHECK")
    command = json.loads(check[check.index("[") :])
    assert command[:2] == ["python", "-c"]
    ast.parse(command[2])
    (path,) = re.findall(r"\]\}(/\w+)", command[2])
    assert path in paths()
    assert values("serve", "STOPSIGNAL") == ["SIGTERM"]


def test_retraining_runs_a_command_that_exists() -> None:
    assert command_exists(json.loads(values("train", "CMD")[0])) is None


def test_what_is_copied_exists_and_is_let_in() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in ignored, "only what is named goes in"
    copied = [source for value in values("source", "COPY") for source in value.split()[:-1]]
    for source in copied:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored, source
    packages = {"data", "model", "serving", "eval", "training"}
    assert packages <= set(copied)


def test_nothing_secret_and_no_host_is_named() -> None:
    assert not re.search(r"https?://(?!127\.0\.0\.1)", TEXT)
    assert not re.search(r"(?i)(password|secret|text_key)\s*=", TEXT)
