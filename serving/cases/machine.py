"""What may happen to a case in which state, and what it must say: the table in machine.yaml."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from data.errors import InputError, WrongStateError, kind_of
from serving.triage.schema import Step

_TABLE = Path(__file__).with_name("machine.yaml")

_Code = Annotated[str, StringConstraints(pattern=r"^[\w.:/-]{1,64}$")]
_Name = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,128}$")]
_TYPES: Mapping[str, tuple[TypeAdapter[Any], str]] = {
    "code": (TypeAdapter(_Code), "a code without blanks, of at most 64 characters"),
    "name": (TypeAdapter(_Name), "a name of at most 128 characters"),
    "time": (TypeAdapter(AwareDatetime), "a time with its offset"),
    "codes": (TypeAdapter(Annotated[list[_Code], Field(min_length=1, max_length=20)]), "codes"),
    "labels": (TypeAdapter(Annotated[dict[_Code, _Code], Field(max_length=20)]), "codes by head"),
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BodyField(_Strict):
    """One field that a body may have."""

    type: Literal["code", "name", "time", "codes", "labels"]
    values: tuple[str, ...] = ()


class Kind(_Strict):
    """One kind of event."""

    name: str
    from_: tuple[str, ...] | None = Field(None, alias="from")
    to: str | None = None
    settles: frozenset[Step] = frozenset()
    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    internal: bool = False


class Machine(_Strict):
    """The whole table."""

    statuses: tuple[str, ...]
    kinds: Mapping[str, Kind]
    fields: Mapping[str, BodyField]

    @model_validator(mode="after")
    def _closed(self) -> Machine:
        """Every status and field named is there."""
        for name, kind in self.kinds.items():
            named = {*(kind.from_ or ()), *([kind.to] if kind.to else [])}
            if unknown := named - set(self.statuses):
                raise ValueError(f"kinds.{name}: no status {min(unknown)}")
            if unknown := {*kind.needs, *kind.may} - set(self.fields):
                raise ValueError(f"kinds.{name}: no field {min(unknown)}")
        return self

    def kind(self, name: str) -> Kind:
        """A kind of event. Raises InputError."""
        if name not in self.kinds:
            known = ", ".join(name for name, kind in self.kinds.items() if not kind.internal)
            raise InputError(f"expected one of {known}, got {name[:32]!r}", field="kind")
        return self.kinds[name]

    def check_status(self, name: str, status: str) -> None:
        """Raise WrongStateError where this cannot happen to a case in `status`."""
        allowed = self.kind(name).from_
        if allowed is not None and status not in allowed:
            expected = " or ".join(allowed)
            raise WrongStateError(
                f"{name} needs a case that is {expected}, this one is {status}", field="kind"
            )

    def body(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The body as it is stored: JSON. Raises InputError naming the field."""
        kind = self.kind(name)
        if kind.internal:
            return dict(given)
        said = {key: value for key, value in given.items() if value is not None}
        for key in kind.needs:
            if key not in said:
                raise InputError(f"{name} needs it", field=key)
        for key in said:
            if key not in (*kind.needs, *kind.may):
                raise InputError(f"is not said with {name}", field=key)
        return {key: self._field(key, value) for key, value in said.items()}

    def _field(self, key: str, value: Any) -> Any:
        field = self.fields[key]
        adapter, expected = _TYPES[field.type]
        try:
            parsed = adapter.validate_python(value)
        except ValidationError as error:
            raise InputError(f"expected {expected}, got {kind_of(value)}", field=key) from error
        if field.values and parsed not in field.values:
            raise InputError(f"expected one of {', '.join(field.values)}", field=key)
        return adapter.dump_python(parsed, mode="json")


@functools.cache
def machine() -> Machine:
    """The table, read once."""
    return Machine.model_validate(yaml.safe_load(_TABLE.read_text(encoding="utf-8")))
