"""The behaviour tests of a taxonomy, read, checked and written out into single cases."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ValidationError

from data.errors import FileFormatError
from data.taxonomy.schema import Head, Taxonomy
from eval.behaviours.schema import (
    BehaviourFile,
    Capability,
    Directional,
    Minimum,
    Transformed,
    Written,
)
from eval.behaviours.transforms import TRANSFORMS

HERE = Path(__file__).parent
Kind = Literal["MFT", "INV", "DIR"]
KINDS: tuple[Kind, ...] = ("MFT", "INV", "DIR")


@dataclass(frozen=True, slots=True)
class Invariant:
    """One text and its variants, ready to be compared; `heads` are those that must hold."""

    id: str
    text: str
    variants: tuple[str, ...]
    heads: tuple[str, ...]
    tolerance: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A test with the capability it belongs to; ids are unique in a suite."""

    capability: str
    kind: Kind
    test: Minimum | Invariant | Directional


@dataclass(frozen=True, slots=True)
class Suite:
    """All cases in file order.

    `capabilities` has their names by id, `urgency` is the head whose level triage decides (None if
    there is none), `stamp` the taxonomy and a hash of every file read.
    """

    stamp: str
    capabilities: Mapping[str, str]
    cases: tuple[Case, ...]
    urgency: Head | None


def behaviours_for(taxonomy: Taxonomy) -> Path | None:
    """Where the behaviour tests of a taxonomy are, or None for one that has none."""
    own = HERE / taxonomy.id
    return own if own.is_dir() else None


def load(
    path: Path, taxonomy: Taxonomy, *, urgency: Head | None, flags: Collection[str] | None = None
) -> Suite:
    """Read a file, or every YAML file of a directory, and check it against the taxonomy.

    `urgency` is the head whose level rises and falls, `flags` are the markers that triage knows
    (not checked if None). Raises FileFormatError naming file, case and what was expected.
    """
    paths = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not paths:
        raise FileFormatError("holds no YAML file with behaviour tests", field=str(path))
    digest = hashlib.sha256()
    files: dict[Path, BehaviourFile] = {}
    for item in paths:
        raw = _bytes(item)
        digest.update(hashlib.sha256(raw).digest())
        files[item] = _parse(raw, item, taxonomy)
    reader = _Reader(_bases(files), taxonomy, urgency, flags)
    cases = tuple(case for item, file in files.items() for case in reader.cases(item, file))
    named = [c for file in files.values() for c in file.capabilities]
    _no_twins("capability", (c.id for c in named), path)
    _no_twins("case", (case.test.id for case in cases), path)
    stamp = f"{taxonomy.id}+{digest.hexdigest()[:12]}"
    return Suite(stamp, {c.id: c.name for c in named}, cases, urgency)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileFormatError(f"cannot be read: {error.strerror}", field=str(path)) from error


def _parse(raw: bytes, path: Path, taxonomy: Taxonomy) -> BehaviourFile:
    try:
        document: Any = yaml.safe_load(raw)
        file = BehaviourFile.model_validate(document)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FileFormatError(f"is not YAML: {error}", field=str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise FileFormatError(
            first["msg"], field=f"{path}: {_place(document, first['loc'])}"
        ) from error
    if file.taxonomy != taxonomy.id:
        message = f"expected tests for {taxonomy.id!r}, got {file.taxonomy!r}"
        raise FileFormatError(message, field=f"{path}: taxonomy")
    return file


def _place(document: Any, loc: tuple[int | str, ...]) -> str:
    """Where in a file an error is, with the ids that stand above it in place of numbers."""
    parts = []
    for key in loc:
        try:
            document = document[key]
        except (LookupError, TypeError):
            document = None
        own = document.get("id") if isinstance(document, dict) else None
        parts.append(str(own if own and isinstance(key, int) else key))
    return ".".join(parts) or "file"


def _bases(files: Mapping[Path, BehaviourFile]) -> dict[str, str]:
    for path, file in files.items():
        others = {key for other, o in files.items() if other != path for key in o.bases}
        if twice := sorted(others & set(file.bases)):
            raise FileFormatError(f"base {twice[0]!r} is in another file too", field=str(path))
    return {key: text for file in files.values() for key, text in file.bases.items()}


def _no_twins(what: str, ids: Iterable[str], path: Path) -> None:
    if twice := [key for key, count in Counter(ids).items() if count > 1]:
        raise FileFormatError(f"{what} id is there twice", field=f"{path}: {twice[0]}")


@dataclass(frozen=True)
class _Reader:
    """Writes the tests of a file out into cases, refusing what the taxonomy does not know."""

    bases: Mapping[str, str]
    taxonomy: Taxonomy
    urgency: Head | None
    flags: Collection[str] | None

    def cases(self, path: Path, file: BehaviourFile) -> Iterator[Case]:
        for capability in file.capabilities:
            where = f"{path}: {capability.id}"
            for minimum in capability.minimum:
                yield Case(capability.id, "MFT", self._minimum(minimum, where))
            for invariant in self._invariants(capability, where):
                yield Case(capability.id, "INV", invariant)
            for directional in capability.direction:
                yield Case(capability.id, "DIR", self._directional(directional, where))

    def _minimum(self, test: Minimum, where: str) -> Minimum:
        where = f"{where}.{test.id}"
        self._check_labels(test.expect, where)
        self._check_flags((*test.flags, *test.absent), where)
        if not (test.expect or test.flags or test.absent or test.review is not None):
            raise FileFormatError("expects nothing", field=where)
        return test

    def _directional(self, test: Directional, where: str) -> Directional:
        where = f"{where}.{test.id}"
        self._check_labels(test.before, where)
        self._check_labels(test.after, where)
        self._check_flags((*test.raises, *test.clears), where)
        if test.urgency and self.urgency is None:
            raise FileFormatError("the taxonomy has no urgency to move", field=where)
        if not (test.urgency or test.before or test.after or test.raises or test.clears):
            raise FileFormatError("expects nothing", field=where)
        _must_differ(test.text, (test.changed,), where)
        return test

    def _invariants(self, capability: Capability, where: str) -> Iterator[Invariant]:
        for written in capability.invariance:
            yield self._written(written, capability, f"{where}.{written.id}")
        for group in capability.transformed:
            for base in group.bases:
                yield self._transformed(group, base, capability, f"{where}.{group.transform}")

    def _written(self, test: Written, capability: Capability, where: str) -> Invariant:
        _must_differ(test.text, test.variants, where)
        heads, tolerance = self._heads(test.heads, where), test.tolerance
        tolerance = capability.tolerance if tolerance is None else tolerance
        return Invariant(test.id, test.text, test.variants, heads, tolerance, test.why)

    def _transformed(
        self, group: Transformed, base: str, capability: Capability, where: str
    ) -> Invariant:
        if group.transform not in TRANSFORMS:
            known = ", ".join(sorted(TRANSFORMS))
            raise FileFormatError(f"unknown transform, expected one of {known}", field=where)
        where = f"{where}.{base}"
        if base not in self.bases:
            raise FileFormatError("unknown base text", field=where)
        text = self.bases[base]
        changed = TRANSFORMS[group.transform](text)
        _must_differ(text, (changed,), where)
        heads, tolerance = self._heads(group.heads, where), group.tolerance
        tolerance = capability.tolerance if tolerance is None else tolerance
        return Invariant(f"{group.transform}/{base}", text, (changed,), heads, tolerance)

    def _heads(self, heads: tuple[str, ...], where: str) -> tuple[str, ...]:
        names = tuple(head.name for head in self.taxonomy.heads)
        if unknown := [head for head in heads if head not in names]:
            message = f"unknown head {unknown[0]!r}, expected one of {', '.join(names)}"
            raise FileFormatError(message, field=where)
        return heads or names

    def _check_labels(self, labels: Mapping[str, tuple[str, ...]], where: str) -> None:
        self._heads(tuple(labels), where)
        for head, codes in labels.items():
            if unknown := [code for code in codes if code not in self.taxonomy[head].by_code]:
                raise FileFormatError(f"unknown label {unknown[0]!r}", field=f"{where}.{head}")

    def _check_flags(self, flags: tuple[str, ...], where: str) -> None:
        if self.flags is None:
            return
        if unknown := [flag for flag in flags if flag not in self.flags]:
            raise FileFormatError(f"unknown flag {unknown[0]!r}", field=where)


def _must_differ(text: str, others: tuple[str, ...], where: str) -> None:
    if text in others or len(set(others)) < len(others):
        raise FileFormatError("a changed text is the same as another of the case", field=where)
