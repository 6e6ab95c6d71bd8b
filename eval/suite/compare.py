"""Turn resampled figures into results: each with its interval, the champion's, the difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eval.significance import Sample
from eval.suite.names import METRICS, metric
from eval.suite.result import Better, MetricResult

_ORDER = {name: i for i, name in enumerate(METRICS)}
# Accuracies at the levels of a tree stand before its other figures.
_LEVELS = _ORDER["hierarchical_precision"] - 0.5


def metric_results(
    samples: Mapping[str, Sample],
    challenger: str,
    champion: str | None,
    count: Callable[[str], int],
    better: Callable[[str], Better] | None = None,
) -> dict[str, MetricResult]:
    """Every figure of the measure `challenger`, beside the same of `champion`.

    `count` says how many texts a figure is of. Figures of no text are left out.
    """
    prefix = f"{challenger}/"
    names = [key.removeprefix(prefix) for key in samples if key.startswith(prefix)]
    found: dict[str, MetricResult] = {}
    for name in sorted(names, key=lambda name: (_ORDER.get(name, _LEVELS), name)):
        one = samples[prefix + name]
        other = samples.get(f"{champion}/{name}") if champion else None
        value = one.figure()
        if value is None:
            continue
        found[name] = MetricResult(
            name=name,
            better=(better or _better)(name),
            n=count(name),
            value=value,
            champion=other.figure() if other else None,
            difference=one.minus(other).figure() if other else None,
        )
    return found


def _better(name: str) -> Better:
    known = metric(name)
    return known.better if known else "higher"
