"""`suda retention`."""

from __future__ import annotations

from typing import Annotated

import typer

from data.errors import InputError
from serving.cli.console import err
from serving.cli.customer import erase_held
from serving.cli.store import now, store
from serving.settings import Settings
from serving.store import privacy


def retention(
    days: Annotated[
        int | None, typer.Option(min=1, help="Days kept; unset takes SUDA_RETENTION_DAYS.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; else only say what.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also for fewer days than the law wants.")
    ] = False,
    why: Annotated[str, typer.Option(help="Why fewer days; for the audit trail.")] = "",
) -> None:
    """Blank the words of complaints past their time; codes, times and the audit trail stay.

    The time runs from the day a case was closed at the latest: 60 days after its receipt
    (令2020-3 Art. 18) and 60 more where the customer has it checked (Art. 20). By law it is three
    years at least (令2020-5 Art. 44). Meant to be run by a timer.
    """
    kept = days or Settings().retention_days
    if kept < privacy.MINIMUM_DAYS and not (force and why):
        raise InputError(
            f"expected at least {privacy.MINIMUM_DAYS} (三年, 令2020-5 Art. 44), got {kept}; fewer "
            "only with --force and --why",
            field="days",
        )
    before = privacy.cutoff(now(), kept)
    with store() as (engine, sessions):
        with sessions() as session:
            held = privacy.expired(session, before)
        if apply and held:
            reason = why or f"kept for {kept} days"
            erase_held(engine, sessions, held, "retention.erased", reason)
    done = "erased" if apply else "past their time; --apply erases them"
    err.print(f"{len(held)} received before {before.astimezone():%Y-%m-%d} {done}")
