"""The files of a policy pack as somebody sends them: an archive, or one by one."""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import orjson

from data.errors import PolicyError
from data.taxonomy.schema import Taxonomy
from serving.triage.policy import PolicySet, load

_FILE = re.compile(r"[a-z]+(@\d{4}-\d{2}-\d{2})?\.yaml")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MOST_FILES, _MOST_BYTES = 64, 4 * 1024 * 1024


def unpacked(sent: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """File names and texts out of YAML files and ZIP archives; folders in them do not matter.

    Raises PolicyError naming the file that is none, too large, or there twice.
    """
    files: dict[str, str] = {}
    for name, content in sent:
        found = _members(name, content) if name.lower().endswith(".zip") else [(name, content)]
        for member, raw in found:
            _add(files, PurePosixPath(member.replace("\\", "/")).name, raw)
    if not files:
        raise PolicyError("expected YAML files or a ZIP archive of them", field="files")
    return files


def _add(files: dict[str, str], name: str, raw: bytes) -> None:
    if not _FILE.fullmatch(name):
        raise PolicyError("expected names such as routing.yaml", field=name[:80])
    if name in files:
        raise PolicyError("is there twice", field=name)
    if len(files) == _MOST_FILES or sum(map(len, files.values())) + len(raw) > _MOST_BYTES:
        raise PolicyError(f"expected at most {_MOST_FILES} files of 4 MB altogether", field=name)
    try:
        files[name] = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PolicyError("expected UTF-8", field=name) from error


def _members(name: str, content: bytes) -> list[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            if len(members) > _MOST_FILES or sum(m.file_size for m in members) > _MOST_BYTES:
                raise PolicyError("expected at most 64 files of 4 MB altogether", field=name)
            # What macOS adds to archives is nobody's policy.
            return [
                (m.filename, archive.read(m))
                for m in members
                if not m.filename.startswith("__MACOSX/")
            ]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise PolicyError(f"cannot be read as a ZIP archive: {error}", field=name) from error


def digest_of(files: Mapping[str, str]) -> str:
    """SHA-256 over names and texts."""
    return hashlib.sha256(orjson.dumps(dict(files), option=orjson.OPT_SORT_KEYS)).hexdigest()


def parsed(name: str, files: Mapping[str, str], taxonomy: Taxonomy) -> PolicySet:
    """Check the files as one pack, as if they lay in a directory called `name`.

    Raises PolicyError naming file, key and what was expected.
    """
    if not _NAME.fullmatch(name):
        raise PolicyError("expected letters, digits, '.', '_' and '-'", field="name")
    with tempfile.TemporaryDirectory(prefix="suda-policy") as parent:
        directory = Path(parent) / name
        directory.mkdir()
        for file, text in files.items():
            (directory / file).write_text(text, encoding="utf-8")
        try:
            return load(directory, taxonomy)
        except PolicyError as error:
            # Where it lay for a moment says nothing to anybody.
            field = (error.field or "").replace(f"{directory}/", "").replace(str(directory), name)
            raise PolicyError(error.message, field=field or None) from error


def read(directory: Path) -> dict[str, str]:
    """The files of a directory of packs."""
    return unpacked((path.name, path.read_bytes()) for path in sorted(directory.glob("*.yaml")))
