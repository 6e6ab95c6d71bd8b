"""What a bank's statistics call things: a YAML file per taxonomy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.errors import PolicyError
from data.taxonomy.schema import Taxonomy

DEFINITIONS: Final = Path(__file__).parent / "definitions"
_GENERIC: Final = "generic.yaml"
_Positive = Annotated[int, Field(ge=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Persons(_Strict):
    """Which customers are no natural persons, and what those of other named segments are."""

    corporate: list[str]
    otherwise: Literal["person", "unknown"] = "person"


class Outlets(_Strict):
    """Numbers of business outlets (网点)."""

    total: _Positive | None = None
    branches: dict[str, _Positive] = {}


class Definition(_Strict):
    """See definitions/jrt0169.yaml for each key."""

    persons: Persons | None = None
    regulators: list[str] = []
    repeated: list[str] = []
    contact: list[str] = []
    decision: list[str] = []
    days: list[_Positive] = Field(default=[15, 30, 60], min_length=1)
    satisfied: list[str] = []
    opinions: dict[str, str] = {}
    causes: dict[str, str] = {}
    outlets: Outlets = Outlets()


def definition_for(taxonomy: Taxonomy, path: Path | None = None) -> Definition:
    """The file at `path`, else the one that ships for the taxonomy, else the generic one.

    Raises PolicyError naming the file, the key and what was expected.
    """
    own = DEFINITIONS / f"{taxonomy.id}.yaml"
    chosen = path or (own if own.is_file() else DEFINITIONS / _GENERIC)
    try:
        document = yaml.safe_load(chosen.read_bytes())
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise PolicyError(f"cannot be read as YAML: {error}", field=str(chosen)) from error
    try:
        return Definition.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "file"
        raise PolicyError(first["msg"], field=f"{chosen}: {key}") from error
