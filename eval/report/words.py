"""What the report says, in Chinese and in English side by side; the page shows one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from markupsafe import Markup, escape

from data.errors import FileFormatError

WORDS = Path(__file__).parent / "words.yaml"


@dataclass(frozen=True, slots=True)
class Phrase:
    """The same in both languages, as safe markup."""

    zh: Markup
    en: Markup

    def __html__(self) -> Markup:
        if self.zh == self.en:
            return self.zh
        return Markup('<span class="zh">{}</span><span class="en">{}</span>').format(
            self.zh, self.en
        )

    def __bool__(self) -> bool:
        return bool(self.zh or self.en)

    @property
    def svg(self) -> Markup:
        """For a `text` of a drawing, where a `span` may not stand."""
        return Markup('<tspan class="zh">{}</tspan><tspan class="en">{}</tspan>').format(
            self.zh, self.en
        )


def phrase(zh: object, en: object | None = None) -> Phrase:
    """A phrase of plain texts, escaped; the Chinese stands for both where there is no English."""
    return Phrase(escape(zh), escape(zh if en is None else en))


def joined(parts: list[Phrase], zh: str = "；", en: str = "; ") -> Phrase:
    """Phrases in a row."""
    return Phrase(escape(zh).join(p.zh for p in parts), escape(en).join(p.en for p in parts))


def say(key: str, **values: object) -> Phrase:
    """The words of `key`, with `{names}` filled in: phrases by language, all else escaped.

    Raises KeyError for an unknown key.
    """
    zh, en = words()[key]
    return Phrase(
        zh.format(**{k: v.zh if isinstance(v, Phrase) else v for k, v in values.items()}),
        en.format(**{k: v.en if isinstance(v, Phrase) else v for k, v in values.items()}),
    )


def say_or(key: str, fallback: object) -> Phrase:
    """The words of `key`, or `fallback` as it is, for names that data brings along."""
    return say(key) if key in words() else phrase(fallback)


@cache
def words(path: Path = WORDS) -> Mapping[str, tuple[Markup, Markup]]:
    """Every key with its Chinese and its English. Raises FileFormatError where one is missing."""
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key, entry in entries.items():
        if not isinstance(entry, dict) or set(entry) != {"zh", "en"} or not all(entry.values()):
            raise FileFormatError(f"{key}: expected zh and en", field=str(path))
    # Our own file: the words may carry markup, what fills them in is escaped.
    return {key: (Markup(entry["zh"]), Markup(entry["en"])) for key, entry in entries.items()}  # noqa: S704
