"""`suda models`: what there is, what serves, and how that came about."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from data.errors import InputError, MissingExtraError
from data.labelled import load_labelled
from data.splits import partition
from model import bundle
from model.registry.registry import Registry
from model.registry.resolve import DEFAULT, resolve
from serving.cli.console import err, out, progress
from serving.cli.retrain import REFUSED, who
from serving.cli.train import CORPUS
from serving.models.canary import MOST

app = typer.Typer(no_args_is_help=True, help="Models: registered, compared, promoted, rolled back.")

_Registry = Annotated[Path, typer.Option(envvar="SUDA_REGISTRY", help="Directory of models.")]
_Version = Annotated[str, typer.Argument(help="Version, or an alias: champion, previous, shadow.")]
_Why = Annotated[str, typer.Option(help="For the promotion log.")]


@app.command("list")
def list_models(registry: _Registry = DEFAULT) -> None:
    """Print every version, what it is called, and what the suite said."""
    store = Registry(registry)
    state = store.state()
    table = Table("version", "is", "registered", "suite", "against", box=None, pad_edge=False)
    for version, known in state.versions.items():
        verdict = store.verdict(version)
        said = "—" if verdict is None else "passed" if verdict.passed else "refused"
        against = verdict.champion if verdict and verdict.champion else "—"
        names = ", ".join(state.aliases_of(version))
        table.add_row(version, names, known.at[:16].replace("T", " "), said, against)
    if state.versions:
        out.print(table)
    if state.champion is None:
        out.print(f"no champion: {bundle.read(resolve(None, registry))[0].version} serves, shipped")


@app.command()
def show(version: _Version = "champion", registry: _Registry = DEFAULT) -> None:
    """Print one version: what it was made of, its figures, its verdict and its history."""
    store = Registry(registry)
    name = _named(store, version)
    manifest = bundle.read(store.bundle_of(name))[0]
    out.print(f"[bold]{name}[/] {', '.join(store.state().aliases_of(name))}")
    out.print(f"taxonomy {manifest.taxonomy}, data {manifest.snapshot}", soft_wrap=True)
    for head, figures in manifest.metrics.get("test", {}).items():
        out.print(f"  {head}: {figures}", soft_wrap=True)
    if verdict := store.verdict(name):
        said = "passed" if verdict.passed else "refused"
        out.print(f"suite {verdict.suite} against {verdict.champion or 'no champion'}: {said}")
        for reason in verdict.failed:
            out.print(f"  {reason}", markup=False, soft_wrap=True)
    _print_log([e for e in store.log.entries() if name in (e.version, e.before, e.after)])


@app.command()
def log(registry: _Registry = DEFAULT) -> None:
    """Print the promotion log; an error if it was changed."""
    _print_log(Registry(registry).log.entries())


@app.command()
def compare(
    first: _Version,
    second: _Version,
    registry: _Registry = DEFAULT,
) -> None:
    """Print two versions' own test figures side by side, and the suite's word where it has one."""
    store = Registry(registry)
    names = _named(store, first), _named(store, second)
    made = [bundle.read(store.bundle_of(name))[0] for name in names]
    if made[0].snapshot.get("sha256") != made[1].snapshot.get("sha256"):
        err.print("their test texts may differ: `suda models judge` compares over the same cases")
    table = Table("", *names, "difference", box=None, pad_edge=False)
    for label, one, other in _pairs(made[0].metrics.get("test", {}), made[1].metrics["test"]):
        table.add_row(label, f"{one:.4f}", f"{other:.4f}", f"{other - one:+.4f}")
    out.print(table)
    for name, opponent in (names, names[::-1]):
        verdict = store.verdict(name)
        if verdict and verdict.champion == opponent:
            out.print(f"{name} against {opponent}: {'passed' if verdict.passed else 'refused'}")
            for reason in verdict.failed:
                out.print(f"  {reason}", markup=False, soft_wrap=True)


@app.command()
def add(
    path: Annotated[Path, typer.Argument(help="Bundle directory.")],
    why: _Why,
    registry: _Registry = DEFAULT,
) -> None:
    """Register a bundle that was made elsewhere."""
    version = Registry(registry).add(path, who=who(), why=why)
    err.print(f"[green]ok[/] {version}: judge it before it may serve")


@app.command()
def judge(
    version: _Version,
    data: Annotated[Path, typer.Option(help="Labelled texts; their test split judges.")] = CORPUS,
    suite: Annotated[Path | None, typer.Option(help="Suite file with the gates.")] = None,
    whole: Annotated[bool, typer.Option(help="Judge by all of the texts.")] = False,
    registry: _Registry = DEFAULT,
) -> None:
    """Run the suite on a version beside the present champion; exit status 3 if it is refused."""
    try:
        from training.retrain.judge import Court, reasons
        from training.retrain.judge import judge as work
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name} is not installed: pip install 'suda[train]'", field="eval"
        ) from error
    store = Registry(registry)
    name = _named(store, version)
    texts = load_labelled(data, bundle.read(store.bundle_of(name))[1])
    cases = texts if whole else partition(texts)["test"]
    if not cases:
        raise InputError("expected texts in the test split", field=str(data))
    with progress() as bar:
        task = bar.add_task("judging", total=None)
        result, verdict = work(
            store,
            name,
            Court.open(cases, str(data), suite),
            lambda words: bar.update(task, description=words),
        )
    out.print(f"{name} against {verdict.champion or 'no champion'}, {verdict.gates} gates")
    for reason in reasons(result):
        out.print(reason, style="red", markup=False, soft_wrap=True)
    err.print("[green]passed[/]" if verdict.passed else "[bold red]refused[/]")
    if not verdict.passed:
        raise typer.Exit(REFUSED)


@app.command()
def promote(
    version: _Version,
    why: _Why,
    force: Annotated[
        bool, typer.Option("--force", help="Against the suite, or without it; it is logged.")
    ] = False,
    registry: _Registry = DEFAULT,
) -> None:
    """Let a version serve. Refused unless the suite passed it against the present champion."""
    store = Registry(registry)
    name = _named(store, version)
    entry = store.promote(name, who=who(), why=why, force=force)
    if entry is None:
        err.print(f"{name} is the champion already")
    else:
        err.print(f"[green]ok[/] {entry.before or 'nothing'} → {entry.after}")


@app.command()
def rollback(why: _Why, registry: _Registry = DEFAULT) -> None:
    """Let the champion before this one serve again; repeated, the one before that."""
    entry = Registry(registry).rollback(who=who(), why=why)
    err.print(f"[green]ok[/] {entry.before} → {entry.after}")


@app.command()
def shadow(
    version: Annotated[str, typer.Argument(help="Version that answers unheard, or `off`.")],
    why: _Why = "to see how it does",
    registry: _Registry = DEFAULT,
) -> None:
    """Let a version answer beside the champion, heard by nobody; `off` ends that."""
    store = Registry(registry)
    name = None if version == "off" else _named(store, version)
    store.shadow(name, who=who(), why=why)
    err.print(f"[green]ok[/] shadow: {name or 'off'}")


@app.command()
def canary(
    version: Annotated[str, typer.Argument(help="Version that answers a share, or `off`.")],
    share: Annotated[
        float, typer.Option(min=0.0001, max=MOST, help="Of all complaints, by their hash.")
    ] = 0.05,
    why: _Why = "to see how it does",
    force: Annotated[
        bool, typer.Option("--force", help="Against the suite, or without it; it is logged.")
    ] = False,
    registry: _Registry = DEFAULT,
) -> None:
    """Let a version answer a share of what comes in, heard by all; `off` ends that."""
    store = Registry(registry)
    if version == "off":
        entry = store.end_canary(who=who(), why=why)
        err.print(f"[green]ok[/] {entry.before} → off" if entry else "there is no canary")
        return
    name = _named(store, version)
    store.canary(name, share, who=who(), why=why, force=force)
    err.print(f"[green]ok[/] canary: {name}, {share:.0%}")


def _named(store: Registry, name: str) -> str:
    """The version that an alias stands for, else the name itself."""
    state = store.state()
    aliases = {
        "champion": state.champion,
        "previous": state.previous,
        "shadow": state.shadow,
        "canary": state.canary,
    }
    if name not in aliases:
        return name
    found = aliases[name]
    if found is None:
        raise InputError(f"there is no {name} in {store.path}", field="version")
    return found


def _pairs(one: dict[str, Any], other: dict[str, Any]) -> list[tuple[str, float, float]]:
    return [
        (f"{head} {name}", float(one[head][name]), float(value))
        for head, figures in other.items()
        for name, value in figures.items()
        if head in one and name in one[head] and name != "n"
    ]


def _print_log(entries: list[Any]) -> None:
    table = Table("", "at", "who", "did", "from", "to", "why", box=None, pad_edge=False)
    for e in entries:
        did = f"{e.action} (forced)" if e.forced else e.action
        to = e.after or (e.version if e.action == "register" else "off")
        table.add_row(str(e.number), e.at[:19], e.who, did, e.before or "", to, e.why)
    out.print(table)
