"""Named changes to a text that change nothing of what it says. Each is a function of the text."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final

from data.noise.characters import drop_char, swap, traditional
from data.noise.marks import drop_punctuation, mask_digits, no_punctuation
from eval.behaviours.words import words

Transform = Callable[[str], str]

# One character in so many carries a slip, as in hurried typing.
_SLIPS = 0.03
_MOST_SLIPS = 3
_SENTENCE = re.compile(r"[^。！？!?；]+[。！？!?；]*")
_BREATH = re.compile(r"(?<=[，。！？；,!?;])(?=.)")
_MARK = re.compile(r"(?<!\d)[，。！？；：、,!?;]|[，。！？；：、,!?;](?!\d)")
_WIDE = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)})
_NARROW = str.maketrans("，。！？；：（）", ",.!?;:()")
_END = re.compile(r"[。！？!?]")
_LATIN = re.compile(r"[A-Za-z]+")
_DATE = re.compile(r"(?<!\d)(1[0-2]|[1-9])月([12]\d|3[01]|[1-9])(?=[日号])")
_TAIL = re.compile(r"(?<=尾号)\d{4}(?!\d)")


def _random(text: str) -> Random:
    """The same for the same text, in every process."""
    return Random(zlib.crc32(text.encode()))  # noqa: S311 - slips, not secrets


def full_width(text: str) -> str:
    """Letters, digits and marks in full width."""
    return text.translate(_WIDE)


def half_width(text: str) -> str:
    """Chinese marks in half width."""
    return text.translate(_NARROW)


def to_traditional(text: str) -> str:
    """Traditional characters throughout."""
    return traditional(text, 1.0, _random(text))


def mixed_script(text: str) -> str:
    """Every other sentence piece in traditional characters."""
    pieces = _BREATH.split(text)
    return "".join(to_traditional(p) if i % 2 == 0 else p for i, p in enumerate(pieces))


def without_marks(text: str) -> str:
    """No punctuation at all; marks within numbers stay."""
    return no_punctuation(text, 1.0, _random(text))


def fewer_marks(text: str) -> str:
    """Half of the punctuation."""
    return drop_punctuation(text, 0.5, _random(text))


def repeated_marks(text: str) -> str:
    """！ becomes ！！！！, as angry people type."""
    pick = _random(text)
    return _END.sub(lambda m: m.group() * pick.randint(2, 6), text)


def blanks_for_marks(text: str) -> str:
    """A blank where a mark stood, as many write on phones."""
    return _MARK.sub(" ", text).rstrip()


def homophones(text: str) -> str:
    """Slips of a phonetic keyboard."""
    return _slips(text, words().homophones)


def look_alikes(text: str) -> str:
    """Characters taken for one that looks alike."""
    return _slips(text, words().look_alikes)


def dropped_characters(text: str) -> str:
    """A character left out here and there."""
    return drop_char(text, _SLIPS, _random(text))


def swapped_characters(text: str) -> str:
    """Neighbouring characters in the wrong order here and there."""
    return swap(text, 2 * _SLIPS, _random(text))


def colloquial(text: str) -> str:
    """Everyday words in the way people talk."""
    return _exchange(text, words().colloquial)


def masked_numbers(text: str) -> str:
    """Long numbers and tails with asterisks, as exporting systems leave them."""
    return mask_digits(text, 1.0, _random(text))


def other_numbers(text: str) -> str:
    """Other tails of cards and other days of the calendar; amounts stay."""
    text = _TAIL.sub(lambda m: f"{(int(m.group()) + 3571) % 10_000:04d}", text)
    return _DATE.sub(lambda m: f"{int(m[1]) % 12 + 1}月{(int(m[2]) + 8) % 28 + 1}", text)


def other_bank(text: str) -> str:
    """Another bank."""
    for names in words().banks:
        absent = [name for name in names if name not in text]
        swaps = dict(zip([name for name in names if name in text], absent, strict=False))
        text = _exchange(text, swaps)
    return text


def other_person(text: str) -> str:
    """Another surname before a title (王经理 → 李经理)."""
    names = words().surnames
    person = re.compile(f"([{''.join(names)}])(?={'|'.join(words().titles)})")
    return person.sub(lambda m: names[(names.index(m[1]) + 7) % len(names)], text)


def other_place(text: str) -> str:
    """Another town."""
    towns = words().places
    return _exchange(text, {t: towns[(i + 5) % len(towns)] for i, t in enumerate(towns)})


def polite(text: str) -> str:
    """A greeting before and thanks after."""
    pick = _random(text)
    return pick.choice(words().openings) + text + pick.choice(words().closings)


def story_before(text: str) -> str:
    """A sentence of no consequence in front."""
    return _random(text).choice(words().stories) + text


def story_after(text: str) -> str:
    """A sentence of no consequence at the end."""
    return f"{text}{_random(text).choice(words().stories)}"


def line_breaks(text: str) -> str:
    """Every sentence on a line of its own."""
    return "\n".join(_SENTENCE.findall(text)) + "\n"


def emoji(text: str) -> str:
    """Emoji after every sentence."""
    pick = _random(text)
    return "".join(f"{s}{pick.choice(words().emoji)}" for s in _SENTENCE.findall(text))


def spoken(text: str) -> str:
    """Fillers where a speaker draws breath, without marks."""
    pick = _random(text)
    pieces = (without_marks(piece) for piece in _BREATH.split(text))
    return "".join(f"{pick.choice(words().fillers)}{piece}" for piece in pieces)


def other_case(text: str) -> str:
    """Latin letters in the other case (APP → app)."""
    return _LATIN.sub(lambda m: m.group().swapcase(), text)


def zero_width(text: str) -> str:
    """Invisible characters between all others, as copied web pages have them."""
    return "\u200b".join(text)


def _slips(text: str, table: Mapping[str, str]) -> str:
    """A few of the places where the table knows a slip; at least one if there is any."""
    places = list(_any(table).finditer(text))
    wanted = min(_MOST_SLIPS, max(1, round(_SLIPS * len(text))), len(places))
    taken = {m.start() for m in _random(text).sample(places, wanted)}
    return _any(table).sub(lambda m: table[m.group()] if m.start() in taken else m.group(), text)


def _exchange(text: str, table: Mapping[str, str]) -> str:
    return _any(table).sub(lambda m: table[m.group()], text) if table else text


def _any(table: Mapping[str, str]) -> re.Pattern[str]:
    """Longer words first, so that 不知道 is not taken for 知道."""
    return re.compile("|".join(map(re.escape, sorted(table, key=lambda word: -len(word)))))


_ALL: Final[Sequence[Transform]] = (
    full_width,
    half_width,
    to_traditional,
    mixed_script,
    without_marks,
    fewer_marks,
    repeated_marks,
    blanks_for_marks,
    homophones,
    look_alikes,
    dropped_characters,
    swapped_characters,
    colloquial,
    masked_numbers,
    other_numbers,
    other_bank,
    other_person,
    other_place,
    polite,
    story_before,
    story_after,
    line_breaks,
    emoji,
    spoken,
    other_case,
    zero_width,
)
TRANSFORMS: Final[Mapping[str, Transform]] = {change.__name__: change for change in _ALL}
