"""Putting the kinds of noise together."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from data.noise.characters import drop_char, glyph, ocr, swap, traditional, width
from data.noise.config import NoiseConfig
from data.noise.homophones import homophone
from data.noise.marks import (
    drop_punctuation,
    filler,
    mask_digits,
    no_punctuation,
    repeat_punctuation,
)

Noise = Callable[[str, float, Random], str]

# Numbers are masked before slips can break them up, and the script changes last, since the tables
# of the others know simplified characters.
_KINDS: dict[str, Noise] = {
    "mask_digits": mask_digits,
    "homophone": homophone,
    "glyph": glyph,
    "ocr": ocr,
    "drop_char": drop_char,
    "swap": swap,
    "filler": filler,
    "drop_punctuation": drop_punctuation,
    "no_punctuation": no_punctuation,
    "repeat_punctuation": repeat_punctuation,
    "width": width,
    "traditional": traditional,
}


def apply(text: str, config: NoiseConfig, random: Random) -> str:
    """A noisy copy; the same for the same text, config and state of `random`.

    Each kind draws from its own stream, so that switching one on or off leaves the slips of the
    others where they were, as far as the text still is the same. A text is never emptied: a kind
    that would leave nothing but blanks is skipped. A blank text stays as it is.
    """
    if not text.strip():
        return text
    for name, noise in _KINDS.items():
        own = Random(random.getrandbits(64))  # noqa: S311 - noise, not secrets
        if own.random() < getattr(config, name):
            noisy = noise(text, config.strength, own)
            text = noisy if noisy.strip() else text
    return text
