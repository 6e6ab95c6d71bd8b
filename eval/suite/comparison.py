"""Challenger and champion over the same texts: every part of a result but its gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from data.labelled import LabelledText
from eval.significance import Measure, Resampling, Sample, resample
from eval.suite.cases import case_result
from eval.suite.compare import metric_results
from eval.suite.config import SuiteConfig
from eval.suite.costs import Costs
from eval.suite.decisions import decision_result
from eval.suite.head_result import Pair, head_result
from eval.suite.operations import leak, operations
from eval.suite.result import (
    CaseResult,
    DecisionResult,
    HeadResult,
    Leak,
    ModelResult,
    Operations,
    SliceResult,
    WorstSlice,
)
from eval.suite.slice_results import (
    attributes_of,
    singles,
    slice_measure,
    slice_results,
    worst_slices,
)
from eval.suite.subject import Subject
from eval.suite.trial import Trial

_SIDES = ("challenger", "champion")


@dataclass(frozen=True)
class Comparison:
    """Both trials; `champion` is None where there is nothing to compare with."""

    config: SuiteConfig
    costs: Costs
    challenger: Trial
    champion: Trial | None

    def heads(self) -> dict[str, HeadResult]:
        """Every head that a text is labelled for."""
        return {name: self._head(name) for name in self.challenger.heads}

    def decisions(self, policy: str) -> DecisionResult:
        """End to end; `policy` is the stamp of the packs."""
        arrays = self.challenger.decisions
        return decision_result(
            self.challenger.answered,
            self.champion.answered if self.champion else None,
            arrays,
            metric_results(
                self._samples,
                "challenger:decisions:",
                "champion:decisions:" if self.champion else None,
                lambda name: int((~np.isnan(arrays.means[name])).sum()),
            ),
            policy,
            self.costs,
            self.config.examples,
        )

    def slices(self) -> tuple[tuple[SliceResult, ...], tuple[WorstSlice, ...]]:
        """All single attributes, and the worst of singles and pairs."""
        options, examples = self.config.slices, self.config.examples
        taxonomy = self.challenger.subject.classifier.taxonomy
        texts = attributes_of(self.challenger.answered, taxonomy, options)
        found, rights = singles(texts, options), self.challenger.rights()
        measures: dict[str, Measure] = {
            side: slice_measure(found, trial.rights()) for side, trial in self._sides.items()
        }
        metrics = metric_results(
            resample(measures, self._resampling),
            "challenger",
            "champion" if self.champion else None,
            lambda name: _known(found[int(name.split("/")[0])].rows, rights[name.split("/")[1]]),
        )
        return (
            slice_results(found, metrics, rights, self._ids, examples),
            worst_slices(texts, rights, self._ids, self._resampling, options, examples),
        )

    def models(self, cases: Sequence[LabelledText]) -> list[ModelResult]:
        """Challenger, then champion."""
        subjects = [trial.subject for trial in self._sides.values()]
        tried = operations(subjects, cases, self.config.operating)
        return [
            _model(subject, operated, leak(subject, cases, self.config.examples))
            for subject, operated in zip(subjects, tried, strict=True)
        ]

    def cases(self, ids: Sequence[str]) -> dict[str, CaseResult]:
        """The texts of these ids, in that order."""
        heads = self.challenger.subject.classifier.taxonomy.heads
        places = {name: i for i, name in enumerate(self._ids)}
        return {
            name: case_result(
                self.challenger.answered[places[name]],
                self.champion.answered[places[name]] if self.champion else None,
                heads,
            )
            for name in ids
        }

    def _head(self, name: str) -> HeadResult:
        one = self.challenger.heads[name]
        other = self.champion.heads.get(name) if self.champion else None
        metrics = metric_results(
            self._samples,
            f"challenger:{name}",
            f"champion:{name}" if other else None,
            one.count,
        )
        pair = Pair(
            ids=tuple(self._ids[int(row)] for row in one.rows),
            challenger=one,
            champion=other,
            promised=self.challenger.promised(name),
            champion_promised=self.champion.promised(name) if self.champion else None,
        )
        config = self.config
        return head_result(pair, metrics, examples=config.examples, errors=config.errors)

    @cached_property
    def _sides(self) -> Mapping[str, Trial]:
        sides = dict(zip(_SIDES, (self.challenger, self.champion), strict=True))
        return {side: trial for side, trial in sides.items() if trial is not None}

    @cached_property
    def _ids(self) -> list[str]:
        return [each.item.id for each in self.challenger.answered]

    @cached_property
    def _samples(self) -> Mapping[str, Sample]:
        measures: dict[str, Measure] = {}
        for side, trial in self._sides.items():
            measures |= trial.measures(side)
        return resample(measures, self._resampling)

    @cached_property
    def _resampling(self) -> Resampling:
        items = [each.item for each in self.challenger.answered]
        events = [str(item.meta.get("group") or item.id) for item in items]
        return Resampling.of(events, self.config.draws, self.config.seed)


def _model(subject: Subject, operated: Operations, seen: Leak) -> ModelResult:
    manifest = subject.manifest
    return ModelResult(
        version=subject.classifier.version,
        kind=manifest.kind,
        created_at=manifest.created_at.isoformat(),
        taxonomy=manifest.taxonomy,
        snapshot=dict(manifest.snapshot),
        training=dict(manifest.training),
        operations=operated,
        leak=seen,
    )


def _known(rows: NDArray[np.intp], values: NDArray[np.float64]) -> int:
    return int((~np.isnan(values[rows])).sum())
