"""What is deployed, read as data."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
import yaml

from serving.api.app import create_app
from serving.cli.main import app
from serving.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
MANIFESTS = sorted(
    path
    for folder in ("kubernetes", "kubernetes/monitoring", "retrain")
    for path in (DEPLOY / folder).glob("*.yaml")
    if path.name != "kustomization.yaml"
)
DEFAULTS = Settings.model_fields


@functools.cache
def documents(path: Path) -> list[dict[str, Any]]:
    """All documents of a YAML file."""
    return [d for d in yaml.safe_load_all(path.read_text("utf-8")) if d is not None]


@functools.cache
def resources(kind: str) -> dict[str, dict[str, Any]]:
    """Manifests of one kind, by name."""
    found = (d for path in MANIFESTS for d in documents(path))
    return {d["metadata"]["name"]: d for d in found if d["kind"] == kind}


def pod_specs() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod there is a template for."""
    for name, each in resources("Deployment").items():
        yield name, each["spec"]["template"]["spec"]
    for name, each in resources("CronJob").items():
        yield name, each["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def settings_of(environment: dict[str, str]) -> Settings:
    """Settings as the service reads them from such an environment."""
    given = {
        name.removeprefix("SUDA_").lower(): value
        for name, value in environment.items()
        if name.startswith("SUDA_")
    }
    return Settings(**given)  # type: ignore[arg-type]


@functools.cache
def paths() -> set[str]:
    """Every path that the service answers."""
    return set(create_app(Settings()).openapi()["paths"])


@functools.cache
def _commands() -> Any:
    return typer.main.get_command(app)


def command_exists(words: list[str]) -> str | None:
    """What is wrong with a `suda` command line; None where it would be understood."""
    group = _commands()
    rest = list(words)
    while hasattr(group, "commands"):
        if not rest or rest[0] not in group.commands:
            return f"there is no `suda {' '.join(words)}`"
        group = group.commands[rest.pop(0)]
    options = {option for p in group.params for option in (*p.opts, *p.secondary_opts)}
    unknown = [word for word in rest if re.match(r"--?[a-z]", word) and word not in options]
    return f"`suda {' '.join(words)}`: no option {unknown}" if unknown else None
