"""Settings that differ from what they are by default, without their secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from serving.settings import Settings

HIDDEN = "（已设置，不显示）"
_SECRET = re.compile(r"secret|password|token|_key$")
_CREDENTIALS = re.compile(r"//[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting by the name of its variable, as text."""

    name: str
    value: str
    default: str


def changed(settings: Settings) -> list[Setting]:
    """Those that are not as they are by default, in the order of their list."""
    found = []
    for name, field in type(settings).model_fields.items():
        value, default = getattr(settings, name), _default(field)
        if value != default:
            variable = f"SUDA_{name.upper()}"
            found.append(Setting(variable, _shown(name, value), _shown(name, default)))
    return found


def database(settings: Settings) -> str:
    """The store's address without its password."""
    try:
        return make_url(settings.database_url).render_as_string(hide_password=True)
    except ArgumentError:
        return HIDDEN


def _default(field: FieldInfo) -> Any:
    default = field.get_default(call_default_factory=True, validated_data={})
    return None if default is PydanticUndefined else default


def _shown(name: str, value: Any) -> str:
    if value is None or value == "":
        return "—"
    if isinstance(value, SecretStr) or _SECRET.search(name):
        return HIDDEN
    if name == "database_url":
        return database(Settings.model_construct(database_url=str(value)))
    return _CREDENTIALS.sub("//***@", str(value))
