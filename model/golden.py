"""Texts whose answers were recorded, to see whether a bundle still gives them here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path

from data.errors import BundleError
from data.taxonomy.schema import Taxonomy
from data.text.normalise import normalise
from model.classifier import Classifier, Prediction

FILE = "golden.json"
TEXTS = 32
# Characters of a middling complaint: shorter texts are answered too fast and say too little.
TYPICAL_CHARS = 120
# Integer kernels differ between processors; a probability off by more is another model's.
TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class Golden:
    """A text, and by head the best leaf with its probability as recorded."""

    text: str
    answers: dict[str, tuple[str, float]]


def texts_of(taxonomy: Taxonomy, count: int = TEXTS) -> list[str]:
    """Texts of typical length out of what the taxonomy itself says."""
    said = [
        part
        for head in taxonomy.heads
        for label in head
        for part in (*label.examples, label.definition, label.name)
        if part
    ]
    return [_text(said, i * len(said) // count) for i in range(count)]


def record(classifier: Classifier, texts: Sequence[str]) -> bytes:
    """The file of a bundle that says what `classifier` answers to `texts`."""
    golden = [
        Golden(
            text,
            {
                name: (head.leaf, round(float(head.probabilities.max()), 4))
                for name, head in classifier.predict(normalise(text)).heads.items()
            },
        )
        for text in texts
    ]
    return json.dumps([asdict(item) for item in golden], ensure_ascii=False, indent=1).encode()


def read(path: Path) -> list[Golden] | None:
    """What the bundle at `path` recorded; None where it recorded nothing.

    Raises BundleError for a file of another form.
    """
    file = path / FILE
    if not file.is_file():
        return None
    try:
        items = json.loads(file.read_bytes())
        return [
            Golden(item["text"], {h: (str(leaf), float(p)) for h, (leaf, p) in _pairs(item)})
            for item in items
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{FILE}: is no list of texts with answers", field=str(path)) from error


def differences(golden: Golden, prediction: Prediction, taxonomy: Taxonomy) -> Iterator[str]:
    """Where a prediction is not what was recorded, one sentence each, without the text."""
    for name, (leaf, probability) in golden.answers.items():
        column = taxonomy[name].leaf_index.get(leaf) if name in taxonomy else None
        if column is None:
            yield f"{name} {leaf} was recorded and is not among its labels"
            continue
        found = float(prediction.heads[name].probabilities[column])
        if abs(found - probability) > TOLERANCE:
            yield f"{name} {leaf} has {found:.3f}, recorded {probability:.3f}"


def _pairs(
    item: dict[str, dict[str, tuple[str, float]]],
) -> Iterator[tuple[str, tuple[str, float]]]:
    yield from item["answers"].items()


def _text(said: Sequence[str], start: int) -> str:
    text = said[start]
    following = islice(cycle(said), start + 1, None)
    while len(text) < TYPICAL_CHARS:
        text += "，" + next(following)
    return text[: 2 * TYPICAL_CHARS]
