from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import InputError
from model.threads import effective_cpus
from serving.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    written = "\n".join(path.read_text(encoding="utf-8") for path in DOCS.glob("*.md"))
    assert f"SUDA_{name.upper()}`" in written or f"SUDA_{name.upper()}=" in written


def test_as_many_workers_as_processors_may_be_used() -> None:
    assert Settings().workers == effective_cpus()


def test_limits_that_contradict_each_other_are_named() -> None:
    with pytest.raises(InputError, match="SUDA_MAX_WAITING: expected at least SUDA_MAX_BATCH, 50"):
        Settings(max_batch=50, max_waiting=49)
