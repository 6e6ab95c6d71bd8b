"""docs/operations.md speaks of commands, alerts, settings and files that exist."""

from __future__ import annotations

import re

import pytest

from tests.deploy.kit import DEFAULTS, DEPLOY, ROOT, command_exists, documents

TEXT = (ROOT / "docs" / "operations.md").read_text("utf-8")
_SPAN = re.compile(r"`(?:/opt/suda-NEW/bin/)?suda ([^`]+)`")
_LINE = re.compile(r"^(?:/opt/suda-NEW/bin/)?suda ([^#\n]+)", re.MULTILINE)
COMMANDS = sorted({c.strip() for c in [*_SPAN.findall(TEXT), *_LINE.findall(TEXT)]})


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_exists(command: str) -> None:
    words = [word for word in command.split() if word not in ("…", "目录")]
    assert command_exists(words) is None


def test_each_setting_exists() -> None:
    known = {f"SUDA_{name.upper()}" for name in DEFAULTS}
    assert set(re.findall(r"SUDA_[A-Z_]+[A-Z]", TEXT)) <= known


def test_each_alert_exists_and_each_critical_one_has_its_line() -> None:
    (document,) = documents(DEPLOY / "prometheus" / "alerts.yaml")
    rules = [rule for group in document["groups"] for rule in group["rules"]]
    named = set(re.findall(r"`(Suda[A-Z]\w+)`", TEXT))
    assert named <= {rule["alert"] for rule in rules}


def test_each_file_named_exists() -> None:
    for name in set(re.findall(r"`((?:deploy|tests|docs)/[\w./-]+)`", TEXT)):
        assert (ROOT / name).exists(), name
    for name in set(re.findall(r"\]\((\w+\.md)\)", TEXT)):
        assert (ROOT / "docs" / name).exists(), name


def test_sizing_quotes_measured_figures_only() -> None:
    results = (ROOT / "docs" / "results.md").read_text("utf-8")
    section = TEXT.split("## Sizing")[1].split("## Install")[0]
    rows = [line.split("|")[2] for line in section.splitlines() if line.startswith("|")][2:]
    figures = [figure for row in rows for figure in re.findall(r"\d[\d,.]*\d|\d", row)]
    assert len(figures) > 10
    for figure in figures:
        assert re.search(rf"(?<![\d.,]){re.escape(figure)}(?![\d])", results), figure
