"""`suda outbox list|dead|replay|department|switch|deliver`."""

from __future__ import annotations

import asyncio
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from data.errors import InputError
from serving.cli.console import err, out
from serving.cli.store import actor, duration, now, store
from serving.outbox import departments
from serving.outbox.background import http_sender, terms
from serving.outbox.courier import Courier
from serving.outbox.departments import OVERLAP, Change
from serving.outbox.replay import replay_department, replay_one
from serving.pipeline import Pipeline
from serving.policies.active import held
from serving.settings import Settings
from serving.store import outbox
from serving.store.outbox import DEAD, DELIVERED, PENDING, Filter
from serving.store.rows.outbox import OutboxRow

app = typer.Typer(no_args_is_help=True, help="Work orders to departments.")

_Department = Annotated[str, typer.Argument(metavar="CODE", help="The department's code.")]
_Limit = Annotated[int, typer.Option(min=1, help="How many at most.")]


@app.command("list")
def list_(
    state: Annotated[str | None, typer.Option(help=f"{PENDING}, {DELIVERED} or {DEAD}.")] = None,
    department: Annotated[str | None, typer.Option(help="Only to this one.")] = None,
    complaint: Annotated[str | None, typer.Option(help="Only about this one.")] = None,
    limit: _Limit = 50,
) -> None:
    """Work orders and what became of them, the latest first."""
    if state not in (None, PENDING, DELIVERED, DEAD):
        raise InputError(f"expected {PENDING}, {DELIVERED} or {DEAD}", field="--state")
    _print(Filter(None, department, complaint, state), limit)


@app.command()
def dead(
    department: Annotated[str | None, typer.Option(help="Only to this one.")] = None,
    limit: _Limit = 50,
) -> None:
    """Those that were given up, with why."""
    _print(Filter(department=department, state=DEAD), limit)


@app.command()
def replay(
    message: Annotated[str | None, typer.Argument(metavar="ID", help="One dead message.")] = None,
    department: Annotated[str | None, typer.Option(help="All dead ones of this one.")] = None,
) -> None:
    """Send dead messages once more, under their old ids."""
    if (message is None) == (department is None):
        raise InputError("expected either an id or --department", field="ID")
    with store() as (_, sessions), sessions.begin() as session:
        if department is not None:
            count = replay_department(session, department, actor(), now())
        else:
            replay_one(session, str(message), actor(), now())
            count = 1
    err.print(f"{count} will be sent again")


@app.command()
def department(
    code: _Department,
    webhook: Annotated[str | None, typer.Option(help='URL; "" takes the policy\'s again.')] = None,
    new_secret: Annotated[
        bool, typer.Option("--new-secret", help="Make a secret; it is printed once.")
    ] = False,
    overlap: Annotated[
        str, typer.Option(help="How long the secret before signs as well.")
    ] = f"{OVERLAP.days}d",
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=64, help="On their way at once.")
    ] = None,
) -> None:
    """How a department is told; with options, change it."""
    wanted = Change(
        webhook=webhook,
        new_secret=new_secret,
        overlap=duration(overlap, "--overlap"),
        concurrency=concurrency,
    )
    changes = webhook is not None or new_secret or concurrency is not None
    _change(code, wanted if changes else None)


@app.command()
def switch(
    code: _Department,
    on: Annotated[bool, typer.Option("--on/--off", help="Off: work orders wait.")],
) -> None:
    """Hold back a department's work orders, or let them go."""
    _change(code, Change(enabled=on))


@app.command()
def deliver(
    once: Annotated[
        bool, typer.Option("--once", help="Deliver what is due now, then end.")
    ] = False,
) -> None:
    """Deliver work orders from a process of its own; SUDA_OUTBOX=off keeps them from the others."""
    settings, pipeline = Settings(), Pipeline.open(Settings())
    results: dict[str, int] = {}

    def count(result: str) -> None:
        results[result] = results.get(result, 0) + 1

    async def work(executor: ThreadPoolExecutor) -> None:
        sender = http_sender(settings)
        with sessions() as session:
            policies = held(session, pipeline.taxonomy).policies or pipeline.policies
        courier = Courier(
            sessions,
            policies.at,
            sender,
            executor,
            terms(settings),
            clock=now,
            draw=random.SystemRandom().random,
            on_done=count,
        )
        try:
            if once:
                await courier.once()
            else:
                await _until_told(courier, settings)
        finally:
            await sender.close()

    with store() as (_, sessions), ThreadPoolExecutor(2) as executor:
        asyncio.run(work(executor))
    said = ", ".join(f"{count} {result}" for result, count in sorted(results.items()))
    err.print(said or "nothing was due")


async def _until_told(courier: Courier, settings: Settings) -> None:
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    err.print("delivering; Ctrl-C ends it")
    await courier.run(stopping)
    await courier.settle(float(settings.shutdown_seconds))


def _change(code: str, wanted: Change | None) -> None:
    settings, pipeline = Settings(), Pipeline.open(Settings())
    with store() as (_, sessions), sessions.begin() as session:
        policy = (held(session, pipeline.taxonomy).policies or pipeline.policies).at(now())
        made = None
        if wanted is not None:
            private = settings.webhook_private
            made = departments.change(
                session, policy, code, wanted, actor(), now(), private=private
            )
        shown = departments.shown(session, policy, code, now())
        stands = outbox.standing(session, code)
    table = Table(box=None, pad_edge=False, show_header=False)
    for key, value in {**shown, "pending": stands.pending, "dead": stands.dead}.items():
        table.add_row(key, "—" if value is None else str(value))
    out.print(table)
    if made is not None:
        typer.echo(made)
        err.print("the secret is not shown again", highlight=False)


def _print(wanted: Filter, limit: int) -> None:
    with store() as (_, sessions), sessions() as session:
        found = outbox.page(session, wanted, limit)
    table = Table(box=None, pad_edge=False)
    for column in (
        "id",
        "complaint",
        "department",
        "kind",
        "part",
        "state",
        "tries",
        "next",
        "why",
    ):
        table.add_column(column, overflow="fold")
    for row in found:
        table.add_row(*_cells(row))
    out.print(table)


def _cells(row: OutboxRow) -> tuple[str, ...]:
    return (
        row.id,
        row.complaint_id,
        row.department,
        row.kind,
        row.part,
        row.state,
        str(row.attempts),
        _day(row.next_at) if row.state == PENDING else _day(row.done_at),
        row.error or "—",
    )


def _day(at: datetime | None) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else "—"
