"""What the generator of the OpenAPI document cannot see of jobs: the two kinds of body."""

from __future__ import annotations

from typing import Any

from serving.api.answers.base import HEADERS
from serving.jobs.options import JobOptions, UrlRequest

_REF = "#/components/schemas/{model}"


def _schema(model: type[JobOptions]) -> dict[str, Any]:
    return model.model_json_schema(ref_template=_REF)


BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "CSV, JSONL or XLSX, also gzipped.",
                        },
                        "options": _schema(JobOptions),
                    },
                },
                "encoding": {"options": {"contentType": "application/json"}},
            },
            "application/json": {"schema": _schema(UrlRequest)},
        },
    }
}

BUSY: dict[int | str, dict[str, Any]] = {
    409: {"description": "The key was used with another file"},
    413: {"description": "The file, packed or unpacked, is larger than SUDA_MAX_JOB_BYTES"},
    429: {"description": "SUDA_MAX_JOBS are unfinished; see `Retry-After`"},
}

RESULT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file. Of JSONL each line has `row`, `line`, `id` where the file gave "
        "one, and either `decision` (a Decision) with `replayed`, or `problem`",
        "headers": {name: HEADERS[name] for name in ("Content-Disposition", "Suda-Job-State")},
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in (
                "application/x-ndjson",
                "text/csv",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            )
        },
    },
    409: {"description": "It has not ended, or its rows are no longer kept"},
}
