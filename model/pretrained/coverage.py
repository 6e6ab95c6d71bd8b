"""How much of real text a vocabulary covers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Encoding, Tokenizer

from data.text.normalise import normalise


@dataclass(frozen=True, slots=True)
class Coverage:
    """`unknown` is the share of tokens that are the unknown token, `torn` that of texts with one.

    `commonest` lists the characters most often unknown, with their counts; `per_character` is
    tokens per normalised character, special tokens apart.
    """

    texts: int
    tokens: int
    unknown: float
    torn: float
    per_character: float
    commonest: tuple[tuple[str, int], ...]


def coverage(tokenizer: Tokenizer, unknown: int, texts: Sequence[str]) -> Coverage:
    """Measure on raw texts; `unknown` is the id of the tokenizer's unknown token."""
    normalised = [normalise(text).text for text in texts]
    encodings = tokenizer.encode_batch(normalised, add_special_tokens=False)
    missing = [_missing(e, t, unknown) for e, t in zip(encodings, normalised, strict=True)]
    tokens = sum(len(encoding) for encoding in encodings)
    characters = sum(map(len, normalised))
    return Coverage(
        texts=len(texts),
        tokens=tokens,
        unknown=sum(map(len, missing)) / max(tokens, 1),
        torn=sum(map(bool, missing)) / max(len(texts), 1),
        per_character=tokens / max(characters, 1),
        commonest=tuple(Counter(part for parts in missing for part in parts).most_common(10)),
    )


def _missing(encoding: Encoding, text: str, unknown: int) -> list[str]:
    pairs = zip(encoding.ids, encoding.offsets, strict=True)
    return [text[start:end] for token, (start, end) in pairs if token == unknown]


def unknown_id(tokenizer: Tokenizer) -> int:
    """The id of the unknown token of a WordPiece, BPE or Unigram tokenizer; -1 without one."""
    name = getattr(tokenizer.model, "unk_token", None) or "<unk>"
    found = tokenizer.token_to_id(name)
    return -1 if found is None else found
