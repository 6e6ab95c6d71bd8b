"""Fetch a file from where the operator allows it, and from nowhere else."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast
from urllib.parse import unquote, urlsplit

import fsspec

from data.errors import InputError, MissingExtraError, SudaError
from serving.jobs.sealed import Sealed

_SETTING = "SUDA_JOB_URLS"
_PIECE = 1 << 20
# Longest time for one file, and longest silence in between, in seconds.
_TOTAL, _SILENCE = 600.0, 30.0
_PREFIX = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\\]*/")
# A backslash, a control character, a chain of protocols, a masked dot or slash: each has led such
# checks astray elsewhere.
_ODD = re.compile(r"[\x00-\x20\x7f\\]|::|%2e|%2f|%5c|%25", re.IGNORECASE)


class RedirectError(InputError):
    """The server sends us to an address that nobody allowed."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Beginnings of URLs that may be fetched, each ending with a slash."""

    prefixes: tuple[str, ...] = ()

    @classmethod
    def parse(cls, setting: str) -> Allowed:
        """From `SUDA_JOB_URLS`, comma-separated. Raises InputError."""
        prefixes = tuple(part.strip() for part in setting.split(",") if part.strip())
        for prefix in prefixes:
            if not _PREFIX.fullmatch(prefix) or _ODD.search(prefix):
                raise InputError(
                    "expected prefixes like https://files.bank/complaints/ or s3://bucket/in/, "
                    f"each ending with a slash, got {prefix[:80]!r}",
                    field=_SETTING,
                )
        return cls(prefixes)

    def check(self, url: str) -> str:
        """The URL to open. Raises InputError for one that is not allowed."""
        parts = urlsplit(url) if not _ODD.search(url) else None
        if parts is None or {".", ".."} & set(unquote(parts.path).split("/")):
            raise InputError("expected a plain URL, without dots as folders", field="url")
        if "@" in parts.netloc or not parts.scheme:
            raise InputError("expected a URL without a user name in it", field="url")
        prefix = next((p for p in self.prefixes if url.startswith(p) and url != p), None)
        if prefix is None:
            raise InputError(
                f"is under none of the {len(self.prefixes)} prefixes in {_SETTING}", field="url"
            )
        return _real(url, prefix) if parts.scheme in ("file", "local") else url


def _real(url: str, prefix: str) -> str:
    """A link in an allowed folder must not lead out of it."""
    path, folder = (Path(unquote(urlsplit(u).path)).resolve() for u in (url, prefix))
    if not path.is_relative_to(folder) or not path.is_file():
        raise InputError("there is no such file", field="url")
    return f"file://{path}"


def name_of(url: str) -> str:
    """The file's name; what stands before and behind it may be secret."""
    return PurePosixPath(unquote(urlsplit(url).path)).name


def fetched(url: str, allowed: Allowed, limit: int, spool: Path | None) -> Sealed:
    """The file at `url`. Blocks. Raises InputError where it cannot be had, TooLargeError,
    MissingExtraError.
    """
    target = Sealed(limit, spool)
    try:
        with _opened(allowed.check(url)) as source:
            until = time.monotonic() + _TOTAL
            while piece := source.read(_PIECE):
                target.write(piece)
                if time.monotonic() > until:
                    raise InputError(f"took longer than {_TOTAL:.0f} seconds", field="url")
    except BaseException:
        target.close()
        raise
    target.complete()
    return target


@contextmanager
def _opened(url: str) -> Iterator[BinaryIO]:
    try:
        system, path = fsspec.url_to_fs(url, **_options(urlsplit(url).scheme))
        with system.open(path, "rb") as source:
            yield cast(BinaryIO, source)
    except (SudaError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise InputError("there is no such file", field="url") from error
    except ImportError as error:
        raise MissingExtraError(
            "files of this kind need a library: aiohttp (`pip install 'suda[remote]'`) for "
            "https, s3fs for s3",
            field="url",
        ) from error
    except Exception as error:  # each protocol has errors of its own, which may quote secrets
        raise InputError(f"could not be fetched ({type(error).__name__})", field="url") from error


def _options(scheme: str) -> dict[str, Any]:
    if scheme not in ("http", "https"):
        return {}
    # Streamed, and no instance shared with whoever else uses fsspec.
    return {"get_client": _client, "block_size": 0, "skip_instance_cache": True}


async def _client(**more: Any) -> Any:
    import aiohttp

    async def refuse(*_: Any) -> None:
        raise RedirectError("sends elsewhere, and only its own address is allowed", field="url")

    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(refuse)
    timeout = aiohttp.ClientTimeout(total=_TOTAL, sock_read=_SILENCE, sock_connect=_SILENCE)
    return aiohttp.ClientSession(trace_configs=[trace], timeout=timeout, **more)
