"""`suda policy replay|upload|activate|history`: what needs the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from data.records import Complaint
from serving.cli.console import out, progress
from serving.cli.store import actor, now, store
from serving.pipeline import Pipeline
from serving.policies import active
from serving.policies.replay import Changed, Replay, replay
from serving.settings import Settings
from serving.store import policies
from serving.triage.policy import load

_Packs = Annotated[Path, typer.Argument(help="Directory of packs.", metavar="DIRECTORY")]


def install(app: typer.Typer) -> None:
    """Add the commands to `suda policy`."""
    app.command("replay")(replay_packs)
    for command in (upload, activate, history):
        app.command()(command)


def replay_packs(
    policy: _Packs,
    last: Annotated[int, typer.Option(min=1, help="How many of the last complaints.")] = 500,
    show: Annotated[int, typer.Option(min=0, help="Changed complaints to list.")] = 20,
) -> None:
    """Show what changed packs would have made of the last complaints in the store."""
    pipeline = Pipeline.open(Settings())
    after = load(policy, pipeline.taxonomy)
    with store() as (_, sessions), sessions() as session:
        before = active.held(session, pipeline.taxonomy).policies or pipeline.policies
        past = policies.past(session, last)
    found = replay(_shown(past), pipeline.classifier, pipeline.taxonomy, before, after)
    _print(found, show)


def upload(
    policy: _Packs,
    name: Annotated[str | None, typer.Option(help="Its name; default: the directory's.")] = None,
    note: Annotated[str, typer.Option(help="What changed.")] = "",
) -> None:
    """Check packs and keep them in the store; they do not hold yet."""
    taxonomy = Pipeline.open(Settings()).taxonomy
    sent = [(path.name, path.read_bytes()) for path in sorted(policy.glob("*.yaml"))]
    called = name or policy.resolve().name
    with store() as (_, sessions), sessions.begin() as session:
        row, _ = active.upload(session, called, sent, note, taxonomy, actor(), now())
        out.print(f"{row.id}  {row.stamp}", highlight=False)


def activate(
    pack: Annotated[str, typer.Argument(help="Id of an uploaded pack, or `default`.")],
    why: Annotated[str, typer.Option(help="Reason, kept in the audit trail.")],
) -> None:
    """Make an uploaded pack hold, or again the one the service was started with.

    Running services follow by themselves.
    """
    taxonomy = Pipeline.open(Settings()).taxonomy
    pack_id = None if pack == "default" else pack
    with store() as (_, sessions), sessions.begin() as session:
        if pack_id is not None:
            active.opened(policies.find(session, pack_id), taxonomy)
        policies.activate(session, pack_id, actor(), why, {}, now())
    out.print(f"[green]{pack} holds[/]", highlight=False)


def history() -> None:
    """List which pack held since when."""
    with store() as (_, sessions), sessions() as session:
        names = {row.id: row.stamp for row in policies.listed(session)}
        rows = policies.history(session)
    table = Table("since", "pack", "who", "why", box=None, pad_edge=False)
    for row in rows:
        stamp = names[row.pack_id] if row.pack_id else "default"
        table.add_row(f"{row.at:%Y-%m-%d %H:%M:%S}Z", stamp, row.who, row.why)
    out.print(table)


def _shown(past: Sequence[tuple[str, Complaint]]) -> Iterator[tuple[str, Complaint]]:
    with progress() as bar:
        yield from bar.track(past, description="replay")


def _print(found: Replay, show: int) -> None:
    out.print(f"{', '.join(found.before) or '—'} → {found.after}", highlight=False)
    share = len(found.changed) / found.total if found.total else 0.0
    out.print(f"{len(found.changed)} of {found.total} complaints differ ({share:.1%})")
    for name, count in found.fields.items():
        if not name.startswith("deadlines:"):
            out.print(f"  {name}: {count}", highlight=False)
            for move, times in found.moves.get(name, {}).items():
                out.print(f"    {move}: {times}", highlight=False)
    if found.failed:
        out.print(f"[yellow]{len(found.failed)} could not be decided[/]")
    _print_changed(found.changed[:show])


def _print_changed(changed: Sequence[Changed]) -> None:
    if not changed:
        return
    table = Table("complaint", "what", "before", "after", box=None, pad_edge=False)
    for one in changed:
        for position, change in enumerate(one.changes):
            named = "" if position else one.complaint_id
            table.add_row(named, change.field, change.before or "—", change.after or "—")
    out.print(table)
