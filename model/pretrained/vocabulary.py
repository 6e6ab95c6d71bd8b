"""Which pieces of a multilingual Unigram vocabulary Chinese text can use, and the tokenizer."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from data.text.normalise import normalise

BOS, PAD, EOS, UNKNOWN, MASK = SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
SPACE = "▁"
# Of the pieces with Latin letters this many are kept, the likeliest first: bank names, product
# names and English words in Chinese text. The rest belongs to a hundred other languages.
LATIN_PIECES = 4_000
# Han, its extensions, compatibility forms, 〇 and 々.
_HAN = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32000), (0x3005, 0x3008))
# Special tokens are not text: at this score no segmentation of a text ever prefers one, so a
# customer who types "<mask>" writes six characters.
_NEVER = -1000.0


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The kept pieces in their new order, their scores, and the row each had before."""

    pieces: tuple[str, ...]
    scores: tuple[float, ...]
    rows: NDArray[np.int64]


def select(
    pieces: Sequence[str],
    scores: Sequence[float] | NDArray[np.float32],
    *,
    seen: Iterable[str] = (),
    latin: int = LATIN_PIECES,
) -> Vocabulary:
    """Keep what normalised Chinese text can be cut into; the order of the file is kept.

    A piece stays if it is made of Han, digits, punctuation and symbols, or is among the `latin`
    likeliest with ASCII letters, and if the normaliser leaves it alone (one in traditional or
    capital letters can never match). Pieces in `seen` stay in any case. <s> <pad> </s> <unk>
    come first, <mask> last; its former row is the index of its piece.
    """
    always = {*seen, SPACE}
    usable = [
        i
        for i, piece in enumerate(pieces)
        if piece not in SPECIAL and (piece in always or _usable(piece))
    ]
    lettered = [i for i in usable if _has_letter(pieces[i]) and pieces[i] not in always]
    dropped = set(sorted(lettered, key=lambda i: (-float(scores[i]), i))[latin:])
    kept = [i for i in usable if i not in dropped]
    places = {piece: i for i, piece in enumerate(pieces)}
    rows = [*(places[name] for name in SPECIAL[:4]), *kept, places[MASK]]
    return Vocabulary(
        pieces=tuple(pieces[i] for i in rows),
        scores=tuple(_NEVER if pieces[i] in SPECIAL else float(scores[i]) for i in rows),
        rows=np.array(rows),
    )


def _usable(piece: str) -> bool:
    text = piece.removeprefix(SPACE)
    return bool(text) and all(map(_is_ours, text)) and normalise(text).text == text


def _is_ours(char: str) -> bool:
    if char.isascii():
        return char.isprintable()
    if any(first <= ord(char) < last for first, last in _HAN):
        return True
    return unicodedata.category(char)[0] in "PS"


def _has_letter(piece: str) -> bool:
    return any(char.isascii() and char.isalpha() for char in piece)


def tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    """A fast tokenizer: SentencePiece's nmt_nfkc, metaspace, Unigram, `<s> text </s>`.

    Special tokens are in the vocabulary and in the template but are not "added tokens": what a
    customer types can never become one.
    """
    pieces = list(zip(vocabulary.pieces, vocabulary.scores, strict=True))
    made = Tokenizer(models.Unigram(pieces, unk_id=SPECIAL.index(UNKNOWN), byte_fallback=False))
    made.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always")
    made.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme="always")
    made.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A {EOS}",
        pair=f"{BOS} $A {EOS} {EOS} $B {EOS}",
        special_tokens=[(name, vocabulary.pieces.index(name)) for name in (BOS, EOS)],
    )
    return made
