"""Read a taxonomy file, and refuse one with holes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.errors import TaxonomyError
from data.taxonomy.schema import CodeList, Head, Label, Taxonomy

DEFAULT_PATH = Path(__file__).parent / "jrt0169.yaml"


class _Node(BaseModel):
    model_config = ConfigDict(extra="forbid")
    code: str = Field(min_length=1, max_length=64)
    name: str = Field(min_length=1)
    definition: str = ""
    includes: list[str] = []
    excludes: list[str] = []
    examples: list[str] = []
    official: str | None = None
    children: list[_Node] = []


class _Head(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")
    kind: Literal["tree", "flat", "ordinal"]
    title: str
    labels: list[_Node] = Field(min_length=2)


class _Code(BaseModel):
    model_config = ConfigDict(extra="forbid")
    code: str
    name: str


class _Field(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    codes: list[_Code] = Field(min_length=1)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")
    version: str
    title: str
    codes: Literal["provisional", "licensed"] = "provisional"
    note: str = ""
    heads: list[_Head] = Field(min_length=1)
    fields: dict[str, _Field] = {}


def load(path: Path = DEFAULT_PATH) -> Taxonomy:
    """Read the taxonomy at `path`.

    Raises TaxonomyError naming the file, the key and what was expected.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise TaxonomyError(f"cannot be read: {error.strerror}", field=str(path)) from error
    return parse(raw, name=str(path))


def parse(raw: bytes, *, name: str) -> Taxonomy:
    """Make a taxonomy of the bytes of a YAML file; `name` is used in errors."""
    try:
        document: Any = yaml.safe_load(raw)
        file = _File.model_validate(document)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TaxonomyError(f"is not YAML: {error}", field=name) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "file"
        raise TaxonomyError(first["msg"], field=f"{name}: {key}") from error
    heads = tuple(_head(head, name) for head in file.heads)
    names = [head.name for head in heads]
    if len(set(names)) < len(names):
        raise TaxonomyError(f"head names must differ, got {names}", field=f"{name}: heads")
    return Taxonomy(
        id=file.id,
        version=file.version,
        title=file.title,
        codes_status=file.codes,
        heads=heads,
        fields={key: _code_list(key, value, name) for key, value in file.fields.items()},
        sha256=hashlib.sha256(raw).hexdigest(),
    )


def _head(head: _Head, name: str) -> Head:
    labels = tuple(_flatten(head.labels, None))
    where = f"{name}: heads.{head.name}"
    seen: set[str] = set()
    for label in labels:
        if label.code in seen:
            raise TaxonomyError(f"code {label.code} is there twice", field=where)
        seen.add(label.code)
    official = [label.official for label in labels if label.official]
    if len(set(official)) < len(official):
        raise TaxonomyError("two labels have one official code", field=where)
    if head.kind != "tree" and any(label.parent for label in labels):
        raise TaxonomyError(f"a {head.kind} head cannot have children", field=where)
    return Head(name=head.name, kind=head.kind, title=head.title, labels=labels)


def _flatten(nodes: list[_Node], parent: str | None) -> Iterator[Label]:
    for node in nodes:
        yield Label(
            code=node.code,
            name=node.name,
            definition=node.definition,
            includes=tuple(node.includes),
            excludes=tuple(node.excludes),
            examples=tuple(node.examples),
            parent=parent,
            official=node.official,
        )
        yield from _flatten(node.children, node.code)


def _code_list(key: str, value: _Field, name: str) -> CodeList:
    codes = {code.code: code.name for code in value.codes}
    if len(codes) < len(value.codes):
        raise TaxonomyError("a code is there twice", field=f"{name}: fields.{key}")
    return CodeList(name=key, title=value.title, codes=codes)
