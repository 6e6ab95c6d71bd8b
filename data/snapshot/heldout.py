"""The frozen held-out texts: what evaluates never trains.

A registered set is kept as hashes only, so that it can be checked against without its words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from data.errors import ConflictError, SnapshotError
from data.labelled import LabelledText
from data.quality.overlap import Overlap
from data.quality.shingles import shingles
from data.splits import split_of
from data.text.normalise import normalise

SIMILARITY = 0.5
# A held-out text quoted whole inside a longer one has been seen too. A text of few words is found
# in many others by chance.
_QUOTED, _FEWEST_GRAMS = 0.8, 20
FROZEN = "heldout.sha256"


@dataclass(frozen=True, slots=True)
class HeldText:
    """A held-out text as hashes: `sha256` of the normalised text, `grams` of its 4-grams."""

    name: str
    id: str
    sha256: str
    grams: frozenset[int]


@dataclass(frozen=True, slots=True)
class Match:
    """The held-out text a text repeats, and how alike they are (1 = the same words)."""

    name: str
    id: str
    similarity: float

    @property
    def name_and_id(self) -> str:
        """As a manifest names it."""
        return f"{self.name}/{self.id}"


class Heldout:
    """All held-out texts that a snapshot keeps out of training."""

    def __init__(self, texts: Iterable[HeldText] = (), similarity: float = SIMILARITY) -> None:
        self.texts = tuple(texts)
        self.similarity = similarity
        self._by_sha = {item.sha256: item for item in self.texts}
        self._overlap = Overlap([item.grams for item in self.texts])

    def joined(self, texts: Iterable[HeldText]) -> Heldout:
        """With more texts; the same text of the same set stands once."""
        known = {(item.name, item.id, item.sha256) for item in self.texts}
        more = [t for t in texts if (t.name, t.id, t.sha256) not in known]
        return Heldout((*self.texts, *more), self.similarity)

    def match(self, text: str) -> Match | None:
        """The held-out text that `text` repeats, nearly repeats or quotes, if any."""
        if (same := self._by_sha.get(fingerprint(text))) is not None:
            return Match(same.name, same.id, 1.0)
        for alike in self._overlap.alike(grams_of(text), self.similarity, _QUOTED):
            held = self.texts[alike.position]
            quoted = alike.contained >= _QUOTED and len(held.grams) >= _FEWEST_GRAMS
            if alike.similarity >= self.similarity or quoted:
                return Match(held.name, held.id, round(alike.similarity, 3))
        return None

    def describe(self) -> dict[str, Any]:
        """Per set its size and a hash of its texts, for a manifest."""
        names = sorted({item.name for item in self.texts})
        return {name: _described([t for t in self.texts if t.name == name]) for name in names}


def fingerprint(text: str) -> str:
    """SHA-256 of the normalised text: the same words in any width, form or case."""
    return hashlib.sha256(normalise(text).text.encode()).hexdigest()


def grams_of(text: str) -> frozenset[int]:
    """64-bit hashes of the text's 4-grams."""
    return frozenset(
        int.from_bytes(hashlib.blake2b(gram.encode(), digest_size=8).digest())
        for gram in shingles(normalise(text).text)
    )


def held_texts(name: str, texts: Iterable[LabelledText]) -> list[HeldText]:
    """Labelled texts as members of the held-out set `name`."""
    return [HeldText(name, t.id, fingerprint(t.text), grams_of(t.text)) for t in texts]


def check_frozen(directory: Path, texts: Sequence[LabelledText]) -> None:
    """Raise SnapshotError where the test split is not the one frozen beside the data, if any is."""
    path = directory / FROZEN if directory.is_dir() else directory.with_name(FROZEN)
    if not path.is_file():
        return
    lines = sorted(f"{t.id}\0{t.text}" for t in texts if split_of(t) == "test")
    found = hashlib.sha256("\1".join(lines).encode()).hexdigest()
    frozen = path.read_text(encoding="ascii").strip()
    if found != frozen:
        raise SnapshotError(
            f"the test split has hash {found[:12]}, frozen was {frozen[:12]}: restore the data, or "
            "freeze anew and expect figures that do not compare",
            field=str(path),
        )


def register(directory: Path, name: str, texts: Sequence[LabelledText]) -> Path:
    """Freeze an evaluation set under `name`.

    Registering the same texts again changes nothing. Raises ConflictError where the name stands
    for other texts.
    """
    rows = sorted(held_texts(name, texts), key=lambda item: (item.sha256, item.id))
    content = b"".join(
        orjson.dumps(
            {"id": row.id, "sha256": row.sha256, "grams": [f"{g:016x}" for g in sorted(row.grams)]}
        )
        + b"\n"
        for row in rows
    )
    path = directory / f"{name}.jsonl"
    if path.exists():
        if path.read_bytes() != content:
            raise ConflictError("stands for other texts; choose another name", field=str(path))
        return path
    directory.mkdir(parents=True, exist_ok=True)
    temporary = directory / f".{name}.tmp"
    temporary.write_bytes(content)
    temporary.replace(path)
    return path


def registered(directory: Path) -> list[HeldText]:
    """The texts of all sets registered in `directory`. Raises SnapshotError for a damaged one."""
    return [item for path in sorted(directory.glob("*.jsonl")) for item in _read(path)]


def _read(path: Path) -> Iterable[HeldText]:
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            row = orjson.loads(line)
            grams = frozenset(int(gram, 16) for gram in row["grams"])
            yield HeldText(path.stem, str(row["id"]), str(row["sha256"]), grams)
        except (ValueError, KeyError, TypeError) as error:
            raise SnapshotError(
                "expected id, sha256 and grams of a held-out text", field=f"{path}:{number}"
            ) from error


def _described(texts: Sequence[HeldText]) -> dict[str, Any]:
    lines = "\n".join(sorted(item.sha256 for item in texts))
    return {"texts": len(texts), "sha256": hashlib.sha256(lines.encode()).hexdigest()}
