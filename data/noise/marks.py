"""Noise in punctuation and numbers, and the fillers of speech."""

from __future__ import annotations

import re
from random import Random

from data.noise.places import chosen, replaced

# Between two digits a mark belongs to the number, or keeps two apart (5.3万, 12:30, 1,200).
_MARKS = r"[，。、；：！？,.;:!?“”\"'‘’（）()…—~～]"
_MARK = re.compile(rf"(?<!\d){_MARKS}|{_MARKS}(?!\d)")
_REPEATED = re.compile(r"(?<!\d)[。！？!?，,~…]|[。！？!?，,~…](?!\d)")
_NUMBER = re.compile(
    r"(?:(?<=尾号)|(?<=尾号为)|(?<=尾号是)|(?<=尾数))\d{3,6}(?!\d)|(?<!\d)\d{7,}(?!\d)"
)
_FILLERS = ("嗯", "那个", "就是说", "就是", "然后", "呃", "这个", "啊", "对吧", "怎么说呢", "反正")
_LONGEST_RUN = 6


def drop_punctuation(text: str, strength: float, random: Random) -> str:
    """Some marks left out."""
    return replaced(text, _MARK, strength, random, lambda _: "")


def no_punctuation(text: str, _strength: float, _random: Random) -> str:
    """No marks at all, as speech recognition and many older customers write."""
    return _MARK.sub("", text)


def repeat_punctuation(text: str, strength: float, random: Random) -> str:
    """！ becomes ！！！."""
    return replaced(
        text, _REPEATED, strength, random, lambda mark: mark * random.randint(2, _LONGEST_RUN)
    )


def mask_digits(text: str, strength: float, random: Random) -> str:
    """Numbers of seven digits and more, and tails, as exporting systems mask them."""
    return replaced(text, _NUMBER, strength, random, lambda number: _masked(number, random))


def _masked(number: str, random: Random) -> str:
    if len(number) < 7:
        return "*" * len(number)
    tail = random.choice((0, 4))
    return number[:3] + "*" * (len(number) - 3 - tail) + number[len(number) - tail :]


def filler(text: str, strength: float, random: Random) -> str:
    """Fillers where a speaker would breathe: at the start and after marks."""
    places = [0, *(match.end() for match in re.finditer(r"[，。！？；,!?;]", text))]
    parts: list[str] = []
    reached = 0
    for at in chosen(places, strength, random):
        parts += (text[reached:at], random.choice(_FILLERS), random.choice(("", "，")))
        reached = at
    return "".join([*parts, text[reached:]])
