"""The body of POST /v1/jobs: a form with a file, or JSON with a URL."""

from __future__ import annotations

import asyncio

from fastapi import Request
from pydantic import ValidationError

from data.errors import InputError, TooLargeError
from serving.jobs import upload
from serving.jobs.fetch import Allowed, fetched, name_of
from serving.jobs.options import JobOptions, UrlRequest
from serving.jobs.sealed import Sealed
from serving.settings import Settings

_MAX_JSON = 64 * 1024


async def received(
    http: Request, settings: Settings, allowed: Allowed
) -> tuple[Sealed, str, JobOptions]:
    """The complete file, its name, and what is said about it.

    Raises ValidationError for options that are not as they should be, InputError, FileFormatError
    and TooLargeError.
    """
    content_type = http.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        file, name, sent = await upload.received(
            http.stream(), content_type, settings.max_job_bytes, settings.job_spool
        )
        try:
            return file, name, JobOptions.model_validate_json(sent or b"{}")
        except ValidationError:
            file.close()
            raise
    if kind != "application/json":
        raise InputError("expected multipart/form-data or application/json", field="Content-Type")
    wish = UrlRequest.model_validate_json(await _small_body(http))
    file = await asyncio.to_thread(
        fetched, wish.url, allowed, settings.max_job_bytes, settings.job_spool
    )
    return file, name_of(wish.url), wish


async def _small_body(http: Request) -> bytes:
    body = bytearray()
    async for piece in http.stream():
        body += piece
        if len(body) > _MAX_JSON:
            raise TooLargeError(f"expected at most {_MAX_JSON} bytes of JSON", field="body")
    return bytes(body)
