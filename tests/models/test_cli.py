"""`suda models canary`."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner, Result

from serving.cli.main import app
from tests.models.kit import Models


@pytest.fixture
def suda(models: Models, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("SUDA_REGISTRY", str(models.registry.path))
    monkeypatch.setenv("COLUMNS", "250")
    return CliRunner()


def run(suda: CliRunner, *arguments: str) -> Result:
    return suda.invoke(app, ["models", *arguments])


def test_a_canary_is_begun_and_ended(suda: CliRunner, models: Models) -> None:
    refused = run(suda, "canary", models.inverted)
    assert refused.exit_code != 0
    assert models.registry.state().canary is None
    begun = run(suda, "canary", models.inverted, "--share", "0.2", "--force", "--why", "试一试")
    assert begun.exit_code == 0, begun.output
    assert (models.registry.state().canary, models.registry.state().share) == (models.inverted, 0.2)
    assert "canary" in run(suda, "list").output
    assert models.inverted in run(suda, "show", "canary").output
    assert run(suda, "canary", "off").exit_code == 0
    assert models.registry.state().canary is None
    log = run(suda, "log").output
    assert "试一试" in log
    assert log.rstrip().splitlines()[-1].split()[4:6] == [models.inverted, "off"]
    assert "there is no canary" in run(suda, "canary", "off").output
