"""`suda monitor`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.table import Table

from data.errors import MissingExtraError
from eval.monitor import Limits, Standing
from eval.monitor import monitor as judge
from model import bundle as bundles
from model.classifier import Classifier
from model.drift import Bands, drift
from model.profile import Profile, profile_like, see
from model.registry.resolve import resolve
from model.runtime import load as load_bundle
from serving.cli.console import err, out, progress
from serving.cli.retrain import REFUSED
from serving.cli.store import store as open_store
from serving.cli.train import CORPUS
from serving.models.reference import keep_reference, kept_reference, made_reference
from serving.monitoring import new_labels, window
from serving.settings import Settings

if TYPE_CHECKING:
    from training.retrain.plan import RetrainPlan

RETRAIN = 10
_DEFAULT = Limits()


def monitor(
    days: Annotated[int, typer.Option(min=1, help="How far back to look.")] = 28,
    base: Annotated[
        Path, typer.Option(help="What the champion was made of: its dev split is the reference.")
    ] = CORPUS,
    reference: Annotated[
        Path, typer.Option(help="Directory in which references are kept, one a model.")
    ] = Path("var/monitor"),
    most_texts: Annotated[
        int, typer.Option(min=1, help="Texts of the window read again to look for drift.")
    ] = 2000,
    enough: Annotated[
        int, typer.Option(min=1, help="New labels that are reason enough.")
    ] = _DEFAULT.new_labels,
    few: Annotated[
        int, typer.Option(min=1, help="New labels without which no reason is enough.")
    ] = _DEFAULT.few_labels,
    promise: Annotated[
        float, typer.Option(min=0, max=1, help="Precision promised of automatic answers.")
    ] = _DEFAULT.promise,
    min_n: Annotated[
        int, typer.Option(min=2, help="Texts without which nothing is called drift.")
    ] = _DEFAULT.bands.min_n,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write everything as JSON.")
    ] = None,
    act: Annotated[bool, typer.Option(help="Retrain where the verdict is yes.")] = False,
    promote: Annotated[
        bool, typer.Option(help="With --act: let the challenger serve if it passes every gate.")
    ] = False,
) -> None:
    """Judge the serving model by the last weeks, and say whether to retrain and why.

    Drift of labels, confidence, length and unknown words (effect sizes, not p-values), what people
    decided, how often they override, and whether automatic answers keep their promise, estimated
    from the audit sample. Exit status 10 where it says retrain and --act was not asked for; with
    --act 3 where a gate refused the challenger.
    """
    settings = Settings()
    path = resolve(settings.bundle, settings.registry)
    classifier = load_bundle(path)
    limits = Limits(new_labels=enough, few_labels=few, promise=promise, bands=Bands(min_n=min_n))
    now = datetime.now(UTC)
    with progress() as bar:
        task = bar.add_task("reading the store", total=None)
        made = bundles.read(path)[0].created_at
        with open_store() as (_, sessions), sessions() as session:
            looked = window(session, now - timedelta(days=days), now, most_texts)
            fresh = new_labels(session, made)
        bar.update(task, description="reading the reference")
        before = reference_of(classifier, base, reference)
        bar.update(task, description="looking for drift")
        moved = drift(before, profile_like(see(looked.texts, classifier), before), limits.bands)
    standing = judge(classifier.version, looked.observed, moved, fresh, classifier.taxonomy, limits)
    show(standing, limits)
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(orjson.dumps(standing.as_json(), option=orjson.OPT_INDENT_2) + b"\n")
        err.print(f"→ {output}")
    if not standing.retrain:
        return
    if not act:
        raise typer.Exit(RETRAIN)
    _act(plan_of(standing, path, base, settings, promote=promote))


def reference_of(classifier: Classifier, base: Path, kept: Path) -> Profile:
    """How the model sees its own dev split: kept in a file, made where there is none yet.

    Raises FileFormatError for a file that is no reference.
    """
    found = kept_reference(classifier.version, kept)
    if found is None:
        found = made_reference(classifier, base)
        keep_reference(found, kept)
    return found


def show(standing: Standing, limits: Limits) -> None:
    """Print what was found, and the verdict."""
    out.print(
        f"{standing.model}: {standing.n} decisions, {standing.automatic_share:.0%} automatic; "
        f"{standing.reviewed} reviewed, {standing.audited} of them by audit; "
        f"{standing.new_labels} new labels",
        soft_wrap=True,
    )
    out.print(_heads(standing, limits))
    out.print(_drift(standing))
    for finding in standing.reasons:
        out.print(f"- {finding.sentence}", markup=False, highlight=False, soft_wrap=True)
    if standing.hindrance:
        out.print(standing.hindrance, markup=False, soft_wrap=True)
    verdict = "[bold yellow]retrain: yes[/]" if standing.retrain else "[bold green]retrain: no[/]"
    out.print(verdict)


def _heads(standing: Standing, limits: Limits) -> Table:
    table = Table(box=None, pad_edge=False)
    promised = f"automatic right (promised {limits.promise:.2f})"
    for column in ("head", promised, "all right", "overridden", "foretold"):
        table.add_column(column)
    for head in standing.heads:
        table.add_row(
            head.head,
            str(head.automatic or "—"),
            str(head.overall or "—"),
            str(head.overridden or "—"),
            "—" if head.expected is None else f"{head.expected:.3f}",
        )
    return table


def _drift(standing: Standing) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("drift of", "size", "PSI", "JS", "most moved"):
        table.add_column(column, overflow="fold")
    for feature in standing.drift:
        moved = ", ".join(f"{s.name} {s.before:.0%} → {s.now:.0%}" for s in feature.shifts)
        figures = (f"{feature.psi:.3f}", f"{feature.jensen_shannon:.3f}")
        table.add_row(feature.feature, feature.band, *figures, moved)
    return table


def plan_of(
    standing: Standing, path: Path, base: Path, settings: Settings, *, promote: bool
) -> RetrainPlan:
    """The retraining that a verdict asks for: the base and all feedback, the champion's kind."""
    try:
        from training.retrain.plan import RetrainPlan
        from training.tracking import configured_uri
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name} is not installed: pip install 'suda[train]'", field="training"
        ) from error
    return RetrainPlan(
        data=base,
        taxonomy=path / bundles.TAXONOMY,
        registry=settings.registry,
        promote=promote,
        who="suda monitor",
        why="; ".join(finding.sentence for finding in standing.reasons),
        masked=base == CORPUS,
        mlflow=configured_uri(),
    )


def _act(plan: RetrainPlan) -> None:
    from serving.store import label_texts
    from training.retrain.run import retrain

    with open_store() as (_, sessions), sessions() as session:
        feedback = list(label_texts.feedback(session))
    with progress() as bar:
        task = bar.add_task("retraining", total=None)
        outcome = retrain(plan, feedback, on_step=lambda words: bar.update(task, description=words))
    word = "promoted" if outcome.promoted else "passed" if outcome.passed else "refused"
    out.print(f"{outcome.version}: {word}, {outcome.run}", soft_wrap=True)
    for reason in outcome.refused:
        out.print(reason, markup=False, soft_wrap=True)
    if not outcome.passed:
        raise typer.Exit(REFUSED)
