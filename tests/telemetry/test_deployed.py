"""The dashboard and the alerts speak of figures that exist, with labels they have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from serving.telemetry.metrics import Metrics

# What becomes of a metric's name in its samples, and the labels that come with it.
PARTS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
LABELS = {"_bucket": ("le",)}
DEPLOY = Path(__file__).parents[2] / "deploy"
_NAME = re.compile(r"\b((?:suda|process|python)_[a-z_]+)(\{[^}]*\})?")
_LABEL = re.compile(r"(\w+)\s*=~?")
_GROUPED = re.compile(r"by \(([^)]*)\)")
# Added by Prometheus when it scrapes.
_SCRAPED = {"instance", "job"}


def known() -> dict[str, set[str]]:
    """Every sample name there can be, with its labels."""
    metrics = Metrics()
    found: dict[str, set[str]] = {family.name: set() for family in metrics.registry.collect()}
    for held in vars(metrics).values():
        if isinstance(held, MetricWrapperBase):
            found.pop(held._name)
            for part in PARTS[str(held._type)]:
                found[held._name + part] = {*held._labelnames, *LABELS.get(part, ())}
    return {_as_counter(name): labels for name, labels in found.items()}


def _as_counter(name: str) -> str:
    """What the libraries count beside ours is named without its ending."""
    return f"{name}_total" if name == "process_cpu_seconds" else name


def panels() -> Iterator[dict[str, Any]]:
    yield from json.loads((DEPLOY / "grafana" / "suda.json").read_text("utf-8"))["panels"]


def alerts() -> list[dict[str, Any]]:
    document = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text("utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def expressions() -> list[tuple[str, str]]:
    drawn = [(p["title"], t["expr"]) for p in panels() for t in p.get("targets", ())]
    return drawn + [(rule["alert"], rule["expr"]) for rule in alerts()]


@pytest.mark.parametrize(("where", "expression"), expressions())
def test_every_figure_used_exists_with_its_labels(where: str, expression: str) -> None:
    figures = known()
    used = _NAME.findall(expression)
    assert used, f"{where} asks for nothing"
    labels: set[str] = set()
    for name, matchers in used:
        assert name in figures, f"{where}: there is no {name}"
        asked = set(_LABEL.findall(matchers))
        assert asked <= figures[name] | _SCRAPED, f"{where}: {name} has no {asked}"
        labels |= figures[name]
    for group in _GROUPED.findall(expression):
        assert {g.strip() for g in group.split(",")} <= labels | _SCRAPED, where


def test_every_figure_of_ours_is_looked_at() -> None:
    """A figure that nobody draws or is woken by might as well not be kept."""
    asked = " ".join(expression for _, expression in expressions())
    ours = {name for name in known() if name.startswith("suda_")}
    bases = {re.sub(r"_(bucket|count|sum)$", "", name) for name in ours}
    assert {base for base in bases if base not in asked} == set()


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_every_alert_says_in_chinese_what_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    for text in (rule["annotations"]["summary"], rule["annotations"]["description"]):
        assert re.search(r"[\u4e00-\u9fff]", text)
    assert rule["expr"].count("(") == rule["expr"].count(")")
