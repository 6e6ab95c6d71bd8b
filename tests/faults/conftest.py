"""The toy model's service, in processes of its own, to be broken a few times."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from benchmarks.scenarios import Setting
from tests.conftest import mood_texts


@pytest.fixture
def given(mood_bundle: Path, tmp_path: Path) -> Setting:
    texts = tmp_path / "texts.jsonl"
    texts.write_bytes(b"\n".join(orjson.dumps({"text": item.text}) for item in mood_texts()))
    return Setting(bundle=mood_bundle, texts=texts, times=1, longest=0.6)
