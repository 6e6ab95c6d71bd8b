"""No call leaves the host, not even one that a library makes for its maker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from model.runtime import SHIPPED

ROOT = Path(__file__).parents[2]
OPEN = f"""
from pathlib import Path
from model.encoder.session import open_session
open_session(Path({str(SHIPPED / "model.onnx")!r}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks for files as they lie on Linux")
def test_the_runtime_keeps_no_record_to_send(tmp_path: Path) -> None:
    """Where onnxruntime means to report to its maker it makes an id and a queue in HOME, a session
    in TMPDIR. The environment is bare: it keeps quiet by itself where it sees a test runner.
    """
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    environment = {"HOME": str(home), "TMPDIR": str(temporary), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", OPEN], cwd=ROOT, env=environment, check=True)
    assert list(home.rglob("*")) == []
    assert list(temporary.rglob("*")) == []


def test_it_is_imported_in_one_place_only() -> None:
    """Whoever imports it elsewhere first would find it talkative."""
    users = [
        path.relative_to(ROOT).as_posix()
        for package in ("data", "model", "serving", "eval", "training")
        for path in (ROOT / package).rglob("*.py")
        if "import onnxruntime" in path.read_text("utf-8")
        and "from model.encoder.quiet import onnxruntime" not in path.read_text("utf-8")
    ]
    assert users == ["model/encoder/quiet.py"]
