"""Stylesheets, scripts and pictures: in memory, named after their content, kept for ever."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from fastapi import APIRouter, Depends, Request, Response

from data.errors import NotFoundError
from serving.web.auth import Visitors

DIRECTORY = Path(__file__).parent / "static"
PREFIX = "/ui/static"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_SERVED = frozenset({".css", ".ico", ".js", ".png", ".svg", ".woff2"})
_IMPORT = re.compile(rb'from "\./(?P<name>[\w.-]+\.js)"')
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent. `path` is its URL below the application's root."""

    path: str
    media_type: str
    etag: str
    plain: bytes
    gzipped: bytes


class Assets:
    """All files below a directory, by their name there and by their URL."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.by_name: dict[str, Asset] = {}
        for path in sorted(directory.rglob("*")):
            if path.suffix in _SERVED:
                self._load(path)
        self.by_path: Mapping[str, Asset] = {a.path: a for a in self.by_name.values()}

    def url(self, name: str) -> str:
        """Where a file is. Raises KeyError for a name that is not there."""
        return self.by_name[name].path

    def _load(self, path: Path) -> Asset:
        name = path.relative_to(self._directory).as_posix()
        if name not in self.by_name:
            content = path.read_bytes()
            if path.suffix == ".js" and path.parent == self._directory:
                content = _IMPORT.sub(lambda found: self._hashed(path, found), content)
            self.by_name[name] = _asset(name, content)
        return self.by_name[name]

    def _hashed(self, importer: Path, found: re.Match[bytes]) -> bytes:
        """Modules import each other by names that hold hashes, too: one module, one URL."""
        imported = self._load(importer.parent / found["name"].decode())
        return b'from "./%s"' % imported.path.rpartition("/")[2].encode()


@lru_cache(maxsize=1)
def shipped() -> Assets:
    """The files that come with the package."""
    return Assets(DIRECTORY)


def _asset(name: str, content: bytes) -> Asset:
    mark = hashlib.sha256(content).hexdigest()[:12]
    path = PurePosixPath(name)
    hashed = path.with_name(f"{path.stem}.{mark}{path.suffix}").as_posix()
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "text/plain"
    small = gzip.compress(content, 9, mtime=0)
    return Asset(f"{PREFIX}/{hashed}", kind, f'"{mark}"', content, small)


router = APIRouter(prefix=PREFIX, include_in_schema=False)


@router.get("/{name:path}", dependencies=[Depends(Visitors())])
async def static(name: str, request: Request) -> Response:
    """A file by the name that holds its hash. Raises NotFoundError."""
    asset = shipped().by_path.get(f"{PREFIX}/{name}")
    if asset is None:
        raise NotFoundError("no such file")
    headers = {"Cache-Control": _FOREVER, "ETag": asset.etag, "Vary": "Accept-Encoding"}
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    body = asset.plain
    if "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["Content-Encoding"] = asset.gzipped, "gzip"
    return Response(body, media_type=asset.media_type, headers=headers)
