"""The offline archive's scripts, with a stand-in for pip: what is packed, checked, installed.

The whole way, with real wheels and no network, is `make offline` and docs/operations.md.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.deploy.kit import DEPLOY, ROOT

SCRIPTS = sorted((DEPLOY / "offline").glob("*.sh"))
TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}-{sys.platform}-{platform.machine()}"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the archive is for Linux")

# Runs Python, but makes an environment and installs into it by hand.
STAND_IN = """#!{python}
import os, pathlib, sys
words = sys.argv[1:]
if words[:2] == ["-m", "pip"]:
    given = words[2:]
    if given[0] == "wheel":
        folder = pathlib.Path(given[given.index("--wheel-dir") + 1])
        (folder / (pathlib.Path(given[-1]).name + ".whl")).write_text(given[-1])
    else:
        assert "--no-index" in given, given
        suda = pathlib.Path(sys.argv[0]).with_name("suda")
        suda.write_text("#!/bin/sh\\nexit {status}\\n")
        suda.chmod(0o755)
elif words[:2] == ["-m", "venv"]:
    folder = pathlib.Path(words[2]) / "bin"
    folder.mkdir(parents=True)
    (folder / "python").write_text(pathlib.Path(__file__).read_text())
    (folder / "python").chmod(0o755)
else:
    os.execv({python!r}, [{python!r}, *words])
"""


def stand_in(folder: Path, status: int = 0) -> Path:
    path = folder / "python"
    path.write_text(STAND_IN.format(python=sys.executable, status=status))
    path.chmod(0o755)
    return path


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """An archive as the script builds it, unpacked."""
    done = subprocess.run(
        [DEPLOY / "offline" / "build.sh", "-o", tmp_path / "dist"],
        env={**os.environ, "PYTHON": str(stand_in(tmp_path))},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    archive = Path(done.stdout.strip())
    (line,) = Path(f"{archive}.sha256").read_text().splitlines()
    assert line.split() == [hashlib.sha256(archive.read_bytes()).hexdigest(), archive.name]
    subprocess.run(["tar", "-xzf", archive, "-C", tmp_path], check=True)
    with tarfile.open(archive) as packed:
        names = packed.getnames()
    assert {name.split("/")[0] for name in names} == {archive.name.removesuffix(".tar.gz")}
    return tmp_path / archive.name.removesuffix(".tar.gz")


def install(folder: Path, *more: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / "install.sh", *more], capture_output=True, text=True, check=False
    )


def test_shellcheck_finds_nothing() -> None:
    tool = shutil.which("shellcheck")
    if tool is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run([tool, *SCRIPTS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_everything_that_is_needed_is_in_it_and_summed(unpacked: Path) -> None:
    there = {str(p.relative_to(unpacked)) for p in unpacked.rglob("*") if p.is_file()}
    lines = (unpacked / "SHA256SUMS").read_text().splitlines()
    summed = {line.split(maxsplit=1)[1] for line in lines}
    assert {f"./{name}" for name in there - {"SHA256SUMS"}} == summed
    needed = {"install.sh", "README.md", "LICENSE", "VERSION", "PLATFORM", "deploy/suda.service"}
    assert needed <= there
    assert "docs/operations.md" in there
    assert {f"deploy/systemd/{path.name}" for path in (DEPLOY / "systemd").iterdir()} <= there
    assert (unpacked / "PLATFORM").read_text().strip() == TAG
    # Nothing of a store, a key or a snapshot.
    assert not [name for name in there if name.endswith((".sqlite3", ".env", ".key"))]
    wheels = {path.name for path in (unpacked / "wheels").iterdir()}
    assert wheels == {"source[postgres,otel].whl"}


def test_it_installs_beside_the_version_before_and_moves_a_link(
    unpacked: Path, tmp_path: Path
) -> None:
    prefix = tmp_path / "opt" / "suda"
    prefix.parent.mkdir()
    older = tmp_path / "opt" / "suda-0.0.9"
    older.mkdir()
    prefix.symlink_to(older)
    done = install(unpacked, "--prefix", prefix, "--python", tmp_path / "python")
    assert done.returncode == 0, done.stderr
    version = (unpacked / "VERSION").read_text().strip()
    assert prefix.resolve() == tmp_path / "opt" / f"suda-{version}"
    assert (prefix / "bin" / "suda").exists()
    assert (prefix / "docs" / "operations.md").exists()
    assert older.is_dir()
    again = install(unpacked, "--prefix", prefix, "--python", tmp_path / "python")
    assert again.returncode == 1
    assert "is there already" in again.stderr


def test_a_changed_file_is_refused_before_anything_is_done(unpacked: Path, tmp_path: Path) -> None:
    next((unpacked / "wheels").iterdir()).write_text("other")
    done = install(unpacked, "--prefix", tmp_path / "suda", "--python", tmp_path / "python")
    assert done.returncode == 1
    assert "is not what was packed" in done.stderr
    assert not list(tmp_path.glob("suda-0*/bin"))


def test_another_python_is_refused_by_name(unpacked: Path, tmp_path: Path) -> None:
    (unpacked / "PLATFORM").write_text("cp39-linux-riscv64\n")
    sums = unpacked / "SHA256SUMS"
    digest = hashlib.sha256((unpacked / "PLATFORM").read_bytes()).hexdigest()
    lines = [
        f"{digest}  ./PLATFORM" if line.endswith("./PLATFORM") else line
        for line in sums.read_text().splitlines()
    ]
    sums.write_text("\n".join(lines) + "\n")
    done = install(unpacked, "--prefix", tmp_path / "suda", "--python", tmp_path / "python")
    assert done.returncode == 1
    assert "is for cp39-linux-riscv64" in done.stderr
    assert TAG in done.stderr


def test_what_does_not_start_is_taken_away_again(unpacked: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "broken" / "suda"
    prefix.parent.mkdir()
    python = stand_in(prefix.parent, status=1)
    done = install(unpacked, "--prefix", prefix, "--python", python)
    assert done.returncode == 1
    assert "does not start" in done.stderr
    assert sorted(path.name for path in prefix.parent.iterdir()) == ["python"]


def test_a_directory_in_its_place_is_left_alone(unpacked: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "mine"
    prefix.mkdir()
    done = install(unpacked, "--prefix", prefix, "--python", tmp_path / "python")
    assert done.returncode == 1
    assert "not a link" in done.stderr


def test_both_recipes_pack_the_same() -> None:
    image = (ROOT / "Dockerfile").read_text("utf-8")
    script = (DEPLOY / "offline" / "build.sh").read_text("utf-8")
    for text in (image, script):
        assert "deploy/constraints.txt" in text
        assert "[postgres,otel]" in text
