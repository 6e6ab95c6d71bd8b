"""What a caller says about a file of complaints."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from data.errors import FileFormatError
from data.files import SUFFIXES
from serving.bulk import FIELDS

Saving = Literal["complaints", "dry_run"]
_GZ = ".gz"
_METADATA = "metadata."
_NAMES = (*FIELDS, "id")
_Column = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class JobOptions(BaseModel):
    """How the rows of a file become complaints, and what becomes of them."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(
        None, max_length=200, description="How the job is listed; unset is the file's name."
    )
    format: Literal["csv", "jsonl", "xlsx"] | None = Field(
        None, description="Unset is what the file's name says; `.gz` may follow it."
    )
    saving: Saving = Field(
        "complaints",
        description="`complaints` stores each row as POST /v1/classify would; `dry_run` only "
        "decides, nothing is kept but the job's result.",
    )
    columns: dict[str, _Column] = Field(
        default_factory=dict,
        description="Column of the file by field (`text`, `external_id`, `source`, … , "
        "`metadata.<name>`, or `id`, which is given back with the result); unset, columns are "
        "named as the fields.",
    )
    defaults: dict[str, str] = Field(
        default_factory=dict, description="Values by field for rows that have none, like `source`."
    )

    @model_validator(mode="after")
    def _known_fields(self) -> JobOptions:
        for name in (*self.columns, *self.defaults):
            inner = name.removeprefix(_METADATA)
            if name not in _NAMES and (inner == name or not inner):
                raise ValueError(
                    f"unknown field {name[:64]!r}, expected one of {', '.join(_NAMES)} or "
                    "metadata.<name>"
                )
        if "text" in self.defaults or "external_id" in self.defaults or "id" in self.defaults:
            raise ValueError("text, external_id and id are each row's own and have no default")
        return self


class UrlRequest(JobOptions):
    """A file that the service fetches itself."""

    url: str = Field(
        min_length=1, max_length=2_000, description="Under one of the prefixes in SUDA_JOB_URLS."
    )


def suffix_of(options: JobOptions, file_name: str) -> str:
    """The format as a suffix, `.csv` and so on. Raises FileFormatError where none is known."""
    if options.format:
        return f".{options.format}"
    path = PurePosixPath(file_name.lower())
    suffix = path.with_suffix("").suffix if path.suffix == _GZ else path.suffix
    if suffix not in SUFFIXES:
        raise FileFormatError(
            f"suffix {suffix[:16] or '(none)'} is not one of {', '.join(SUFFIXES)}, with or "
            f"without {_GZ}; name the file so, or give `format`",
            field="file",
        )
    return suffix
