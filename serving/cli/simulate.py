"""`suda simulate`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.table import Table

from data.errors import InputError, MissingExtraError
from data.labelled import load_labelled
from model.registry.resolve import resolve
from model.runtime import load as load_bundle
from serving.cli.console import err, out, progress
from serving.cli.train import CORPUS
from serving.settings import Settings
from serving.triage.policy import load as load_policy
from serving.triage.policy import packs_for

if TYPE_CHECKING:
    from training.selection.select import Mix
    from training.simulate.simulate import Simulation


def simulate(
    data: Annotated[Path, typer.Option(help="Labelled file whose labels are revealed slowly.")],
    base: Annotated[Path, typer.Option(help="What the model was made of.")] = CORPUS,
    bundle: Annotated[
        Path | None,
        typer.Option(help="Linear or blend bundle to start from; unset: as it serves."),
    ] = None,
    every: Annotated[int, typer.Option(help="Labels between two retrainings.")] = 250,
    up_to: Annotated[int, typer.Option(help="Labels in all.")] = 1000,
    seeds: Annotated[int, typer.Option(min=1, help="Divisions of the data to run.")] = 5,
    weight: Annotated[
        float | None, typer.Option(help="What one revealed label counts against one of --base.")
    ] = None,
    corpus_sample: Annotated[
        int | None, typer.Option(help="Keep only so many training texts of --base: faster.")
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(help="What a gate metric may lose to the best; default: the suite's."),
    ] = None,
    linear: Annotated[
        bool, typer.Option("--linear", help="Of a blend, let the linear half learn alone.")
    ] = False,
    mix: Annotated[
        str | None, typer.Option(help="Selection, e.g. uncertainty=1,thin=0.5,audit=0.1.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Directory for result.json and curves.svg/png.")
    ] = Path("var/simulation"),
) -> None:
    """Replay the learning loop: selection beside random, on texts whose labels are known.

    Half of the data (whole groups, alike in labels) is the pool whose labels are revealed when they
    are asked for, half is only measured on. Every --every labels the model retrains on base and
    revealed labels (a blend keeps its encoder), and takes over where the gate (accuracy and
    macro-F1 of every head on the base's test split) lets it.
    """
    try:
        from training.simulate.plot import plot
        from training.simulate.setup import Options, stage_of
        from training.simulate.simulate import Plan
        from training.simulate.simulate import simulate as work
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name} is not installed: pip install 'suda[train]'", field="training"
        ) from error
    settings = Settings()
    path = resolve(bundle or settings.bundle, settings.registry)
    taxonomy = load_bundle(path).taxonomy
    options = Options(sample=corpus_sample, linear=linear)
    if weight is not None:
        options = replace(options, weight=weight)
    if tolerance is not None:
        options = replace(options, tolerance=tolerance)
    plan = Plan(every=every, up_to=up_to, seeds=tuple(range(seeds)), mix=mix_of(mix))
    texts = load_labelled(data, taxonomy)
    with progress() as bar:
        task = bar.add_task("reading the base", total=None)
        policies = load_policy(settings.policy or packs_for(taxonomy), taxonomy)
        stage = stage_of(path, load_labelled(base, taxonomy), policies, datetime.now(UTC), options)
        steps = -(-min(up_to, len(texts) // 2) // every)
        bar.update(task, total=2 * seeds * steps)
        result = work(
            stage,
            texts,
            plan,
            lambda name, seed, step: bar.update(
                task, advance=1, description=f"{name}, division {seed}, {step.labels} labels"
            ),
        )
    output.mkdir(parents=True, exist_ok=True)
    dumped = orjson.dumps(result.as_json(), option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
    (output / "result.json").write_bytes(dumped + b"\n")
    for suffix in ("svg", "png"):
        plot(result, output / f"curves.{suffix}")
    _print(result)
    err.print(f"→ {output}", soft_wrap=True)


def mix_of(text: str | None) -> Mix:
    """A mix from `name=number,…` over the default. Raises InputError naming what is wrong."""
    from training.selection.select import Mix

    values: dict[str, float] = {}
    for part in (text or "").split(","):
        name, _, number = part.partition("=")
        if not part.strip():
            continue
        if name.strip() not in Mix.__slots__:
            raise InputError(f"expected one of {', '.join(Mix.__slots__)}", field=f"--mix {part}")
        try:
            values[name.strip()] = float(number)
        except ValueError as error:
            raise InputError("expected name=number", field=f"--mix {part}") from error
    return replace(Mix(), **values)


def _print(result: Simulation) -> None:
    from training.simulate.curves import REVIEW

    out.print(
        f"pool {result.pool}, evaluation {result.evaluation}, "
        f"{len(result.plan.seeds)} divisions; macro-F1, mean of the heads [95 % interval]"
    )
    table = Table(box=None, pad_edge=False)
    for column in (
        "labels", "selection", "random", "ahead by", "random needs", "review rate", "(random)",
    ):  # fmt: skip
        table.add_column(column)
    chosen, chance = result.curve("selection"), result.curve("random")
    ahead = {p.labels: p for p in result.gains()}
    needs = {s.labels: s.other for s in result.savings()}
    rates = zip(result.curve("selection", REVIEW), result.curve("random", REVIEW), strict=True)
    for mine, theirs, (rate, other) in zip(chosen, chance, rates, strict=True):
        need = needs.get(mine.labels)
        gain = ahead.get(mine.labels)
        table.add_row(
            str(mine.labels),
            f"{mine.value:.3f}",
            f"{theirs.value:.3f}",
            f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]" if gain else "",
            "" if gain is None else f"{need:.0f}" if need is not None else f"> {chance[-1].labels}",
            f"{rate.value:.3f}",
            f"{other.value:.3f}",
        )
    out.print(table)
    _print_heads(result)
    for strategy in result.runs:
        _print_gate(result, strategy)


def _print_heads(result: Simulation) -> None:
    first = result.runs["selection"][0].steps[0].challenger
    if len(first.macro_f1) < 2:
        return
    for head in first.macro_f1:
        name = f"macro_f1:{head}"
        start, *_, last = result.curve("selection", name)
        chance = result.curve("random", name)[-1]
        out.print(
            f"{head}: macro-F1 {start.value:.3f} → {last.value:.3f} by selection, "
            f"{chance.value:.3f} by chance, after {last.labels} labels"
        )


def _print_gate(result: Simulation, strategy: str) -> None:
    gate, audit = result.promotions(strategy), result.audits(strategy)
    allowed = ", ".join(f"{name} {loss:g}" for name, loss in result.allowed.items())
    out.print(
        f"{strategy}: {gate.promoted} promoted, {gate.refused} refused; no promotion made a gate "
        f"metric worse than its gate allows ({allowed} below the best so far): the largest fall "
        f"was {gate.largest_fall:.4f}, {gate.below_best:.4f} below the best"
    )
    out.print(
        f"{strategy}: weighted estimates of the pool's accuracy are off by {audit.bias:+.3f} on "
        f"average (unweighted {audit.naive_bias:+.3f}), intervals held in {audit.covered:.0%} of "
        f"{audit.rounds} rounds"
    )
