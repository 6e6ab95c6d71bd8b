"""What every deployed file says of settings, packages and pins holds."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.deploy.kit import DEFAULTS, DEPLOY, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
DEPLOYED = sorted(
    path
    for path in [*DEPLOY.rglob("*"), ROOT / "Dockerfile", *(ROOT / "clients").rglob("*")]
    if path.is_file()
    and path.suffix not in (".pyc", ".class", ".json")
    and not any(part.startswith(".") or part == "build" for part in path.parts)
)
# Not the service's: the caller's key, as the examples name it.
CALLERS = {"SUDA_API_KEY", "SUDA_URL", "SUDA_WEBHOOK_SECRET"}


@pytest.mark.parametrize("path", DEPLOYED, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_variable_named_is_a_setting(path: Path) -> None:
    known = {f"SUDA_{name.upper()}" for name in DEFAULTS} | CALLERS
    text = path.read_text("utf-8")
    assert set(re.findall(r"\bSUDA_[A-Z_]+[A-Z]\b", text)) <= known


def test_each_dependency_is_pinned_as_the_project_allows() -> None:
    lines = (DEPLOY / "constraints.txt").read_text("utf-8").split()
    pins = dict(line.lower().replace("_", "-").split("==") for line in lines)
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [*PROJECT["project"]["dependencies"], *extras["postgres"], *extras["otel"]]
    for text in wanted:
        need = Requirement(text)
        if need.marker is not None and not need.marker.evaluate():
            continue
        pin = pins.get(need.name.lower().replace("_", "-"))
        assert pin is not None, f"{need.name} is not in deploy/constraints.txt: `make constraints`"
        assert need.specifier.contains(Version(pin), prereleases=True), text
    assert not {"torch", "transformers", "datasets", "scikit-learn"} & pins.keys()


def test_everything_that_serves_goes_into_the_wheel() -> None:
    """A file that only a checkout has is missed on the first page that wants it."""
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["*"]
    endings = [pattern.removeprefix("**/") for pattern in patterns]
    left_out = [
        str(path.relative_to(ROOT))
        for package in ("data", "model", "serving", "eval", "training")
        for path in (ROOT / package).rglob("*")
        if path.is_file()
        and path.suffix not in (".py", ".pyc", ".orig", ".sha256")
        and not any(fnmatch(path.name, ending) for ending in endings)
    ]
    assert left_out == []


def test_one_version_everywhere() -> None:
    version = PROJECT["project"]["version"]
    texts = {
        "Dockerfile": r"ARG VERSION=(\S+)",
        "deploy/compose.yaml": r"image: suda:(\S+)",
        "deploy/kubernetes/kustomization.yaml": r'newTag: "([^"]+)"',
        "deploy/retrain/cronjob.yaml": r"image: suda-train:(\S+)",
    }
    for name, pattern in texts.items():
        assert re.findall(pattern, (ROOT / name).read_text("utf-8")) == [version], name
