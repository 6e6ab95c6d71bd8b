"""Labels that are probably wrong, as a check among the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from data.checks.check import Context, Finding
from training.label_errors import suspects
from training.linear import LinearConfig

# cleanlab's normalised margin is (p(label) − p(best other) + 1) / 2: under 0.1 the model gives
# another label a probability that is higher by 0.8 and more.
SUSPICIOUS = 0.1


class LabelErrors:
    """The label's normalised margin in the eyes of models that have not read the text; the worst
    head counts, and a label that is no suspect at all has 1.
    """

    name: ClassVar[str] = "label errors"

    def __init__(
        self,
        *,
        folds: int = 4,
        config: LinearConfig | None = None,
        on_fold: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._folds = folds
        self._config = config
        self._on_fold = on_fold

    def __call__(self, context: Context) -> Finding:
        """Labels a person should read again."""
        ranked = suspects(
            context.texts,
            context.taxonomy,
            folds=self._folds,
            config=self._config,
            on_fold=self._on_fold,
        )
        place = {item.id: i for i, item in zip(context.places, context.texts, strict=True)}
        scores = dict.fromkeys(context.places, 1.0)
        flagged: dict[int, str] = {}
        for suspect in reversed(ranked):
            i = place[suspect.id]
            scores[i] = round(suspect.score, 4)
            if suspect.score < SUSPICIOUS:
                flagged[i] = f"{suspect.head} {suspect.label}, perhaps {suspect.suggested}"
        sentence = f"{len(flagged)} texts have a label that is probably wrong"
        return Finding(self.name, sentence, scores, flagged)
