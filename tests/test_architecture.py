"""The house rules that no linter knows: who may import whom, and what serving must do without."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("data", "model", "eval", "training", "serving")
# DESIGN §3: each package and what of ours it may import.
MAY_IMPORT = {
    "data": {"data"},
    "model": {"data", "model"},
    "serving.triage": {"data", "model", "serving"},
    "eval": {"data", "model", "serving", "eval"},
    "training": {"data", "model", "serving", "eval", "training"},
    "serving": {"data", "model", "serving", "eval", "training"},
}
HEAVY = ("torch", "transformers", "datasets", "sklearn", "scipy", "cleanlab", "pypinyin", "onnx")


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts), path


def imports(path: Path, *, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize(("name", "path"), list(modules()), ids=lambda v: str(v)[-60:])
def test_imports_point_upwards(name: str, path: Path) -> None:
    room = "serving.triage" if name.startswith("serving.triage") else name.split(".")[0]
    ours = {module for module in imports(path) if module.split(".")[0] in PACKAGES}
    assert {module.split(".")[0] for module in ours} <= MAY_IMPORT[room]
    if room == "serving.triage":
        assert all(not m.startswith("serving") or m.startswith("serving.triage") for m in ours)
    if room in ("eval", "training"):
        assert all(not m.startswith("serving") or m.startswith("serving.triage") for m in ours)


@pytest.mark.parametrize(
    ("name", "path"),
    [item for item in modules() if item[0].startswith("serving")],
    ids=lambda v: str(v)[-60:],
)
def test_serving_imports_training_only_inside_commands(name: str, path: Path) -> None:
    top = {module.split(".")[0] for module in imports(path, top_level_only=True)}
    assert "training" not in top
    if not name.startswith("serving.cli"):
        assert "eval" not in top


def test_serving_runs_without_the_training_libraries(mood_bundle: Path, tmp_path: Path) -> None:
    """Start the application, and decide a text, with every heavy library made unimportable."""
    script = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refuse())
from pathlib import Path
from datetime import UTC, datetime
import serving.cli.main
from serving.api.app import create_app
from serving.pipeline import Pipeline
from serving.settings import Settings
from data.records import Complaint
settings = Settings(bundle=Path({str(mood_bundle)!r}))
create_app(settings)
pipeline = Pipeline.open(settings)
print(pipeline.decide(Complaint("态度恶劣", datetime.now(UTC)), "1")["labels"]["mood"]["code"])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "bad", done.stderr


def test_no_module_is_two_rooms() -> None:
    long = {
        name: lines
        for name, path in modules()
        if (lines := path.read_text(encoding="utf-8").count("\n")) > 400
    }
    assert long == {}
