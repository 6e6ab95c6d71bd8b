"""Things that go wrong around the service under load: nothing acknowledged may be lost.

python -m benchmarks.faults [NAME …] [--times 50] [--output FILE]
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.rig.machine import machine
from benchmarks.rig.texts import CORPUS
from benchmarks.scenarios import SCENARIOS, Setting


def run(names: list[str], given: Setting) -> dict[str, Any]:
    """Let these scenarios happen, one after the other."""
    found: dict[str, Any] = {"machine": machine()}
    for name in names:
        given.say(name)
        began = time.monotonic()
        found[name] = SCENARIOS[name](given)
        found[name]["seconds"] = round(time.monotonic() - began, 1)
    return found


def table(found: dict[str, Any]) -> Table:
    """A line a scenario."""
    shown = Table("scenario", "acknowledged", "answers", "result", title="faults")
    for name in (name for name in found if name in SCENARIOS):
        result = found[name]
        amiss = "; ".join(result.get("amiss", []))
        shown.add_row(
            name,
            str(result.get("acknowledged", "")),
            str(result.get("statuses", "")),
            result.get("skipped") or ("nothing amiss" if result["passed"] else amiss),
        )
    return shown


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Default: all.")] = None,
    times: Annotated[int, typer.Option(help="How often the process is killed.")] = 50,
    texts: Annotated[Path, typer.Option(help="JSONL with a column `text`.")] = CORPUS,
    bundle: Annotated[Path | None, typer.Option(help="Default: the champion.")] = None,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 0,
    output: Annotated[Path, typer.Option(help="Where the JSON goes.")] = Path(
        "var/bench/faults.json"
    ),
) -> None:
    """Break things, print what was found and write it as JSON; status 1 where anything is amiss."""
    err = Console(stderr=True)
    unknown = set(names or ()) - SCENARIOS.keys()
    if unknown:
        raise typer.BadParameter(f"expected some of {', '.join(SCENARIOS)}")
    given = Setting(
        bundle=bundle, texts=texts, times=times, seed=seed, say=lambda what: err.print(what)
    )
    found = run(names or list(SCENARIOS), given)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    Console().print(table(found))
    if not all(found[name]["passed"] for name in found if name in SCENARIOS):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
