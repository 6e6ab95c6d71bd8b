"""Which kinds of noise there are and how often each strikes."""

from __future__ import annotations

from dataclasses import dataclass, fields

from data.errors import InputError


@dataclass(frozen=True, slots=True)
class NoiseConfig:
    """The chance, 0 to 1, that a text gets each kind of noise; all 0 leaves every text as it is.

    `strength` is the share of the places open to a kind (characters, marks, numbers) that it
    touches once it strikes; a kind that strikes touches one place at least where there is one.
    """

    homophone: float = 0.0
    """Characters and words of the same toneless sound (账户 → 帐户, 在 → 再). Needs pypinyin."""
    glyph: float = 0.0
    """Characters that look alike (己 → 已)."""
    ocr: float = 0.0
    """Misread signs (0 → O, 日 → 曰) and blanks where the scanner saw a gap."""
    drop_char: float = 0.0
    swap: float = 0.0
    """Neighbouring characters change places."""
    filler: float = 0.0
    """Fillers of speech (嗯, 那个, 就是说)."""
    drop_punctuation: float = 0.0
    no_punctuation: float = 0.0
    """Every mark is removed, whatever the strength; marks within numbers stay."""
    repeat_punctuation: float = 0.0
    mask_digits: float = 0.0
    """Long numbers and tails lose their digits (138****1234, 尾号****)."""
    width: float = 0.0
    """Half-width signs become full-width and the reverse."""
    traditional: float = 0.0
    """The whole text in traditional characters, whatever the strength."""
    strength: float = 0.1

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not 0.0 <= value <= 1.0:
                raise InputError(f"expected a number from 0 to 1, got {value}", field=item.name)
