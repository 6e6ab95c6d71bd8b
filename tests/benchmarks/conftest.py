"""Texts for the toy model, as a file to send from."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tests.conftest import mood_texts


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps({"text": item.text}) for item in mood_texts()))
    return path
