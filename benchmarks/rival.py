"""Our service beside the one that one would otherwise write, in turns, under the same load.

python -m benchmarks.rival --model DIR   (a fine-tuned checkpoint; needs the extra `train`)
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.rig import drive
from benchmarks.rig.figures import middle
from benchmarks.rig.machine import machine
from benchmarks.rig.rival_app import DATABASE, MODEL
from benchmarks.rig.service import Service
from benchmarks.rig.shots import Plan
from benchmarks.rig.stage import staged
from benchmarks.rig.texts import CORPUS
from model.threads import effective_cpus
from serving.settings import MAX_DEADLINE_MS

AIM = "≥ 10"
COMMAND = (
    sys.executable, "-m", "uvicorn", "--factory", "benchmarks.rig.rival_app:create",
    "--port", "{port}",
)  # fmt: skip


def run(
    model: Path,
    *,
    bundle: Path | None = None,
    texts: Path = CORPUS,
    rounds: int = 5,
    seconds: float = 20.0,
    callers: int = 16,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Throughputs of both, round by round, and their ratio."""
    found: dict[str, Any] = {"machine": machine(), "texts": texts.name, "callers": callers}
    with staged("sqlite", bundle) as stage:
        folder = stage.folder / "rival"
        folder.mkdir()
        settings = {MODEL: str(model.resolve()), DATABASE: str(folder / "rival.sqlite3")}
        rival = Service(folder, "", settings, COMMAND)
        with closing(_Stopping(rival)):
            rival.start()
            services = {"ours": stage.service, "rival": rival}
            rows = []
            for number in range(rounds + 1):
                row = {}
                for name, service in services.items():
                    say(f"{name}, round {number} of {rounds}")
                    load = Plan(
                        service.port,
                        stage.token,
                        str(texts.resolve()),
                        f"{name}{number}",
                        seconds if number else min(5.0, seconds),
                        callers=callers,
                        deadline_ms=MAX_DEADLINE_MS,
                        timeout=120.0,
                    )
                    with drive.watching(service) as watch:
                        volley = drive.fire(load)
                    row[name] = drive.report(volley, watch, effective_cpus())
                # The first round warms both up.
                if number:
                    rows.append(row)
    ratios = [row["ours"]["per_second"] / max(row["rival"]["per_second"], 1e-9) for row in rows]
    for name in services:
        found[name] = middle([row[name]["per_second"] for row in rows])
    return found | {"ratio": middle(ratios), "rounds": rows}


class _Stopping:
    def __init__(self, service: Service) -> None:
        self._service = service

    def close(self) -> None:
        self._service.stop()


def table(found: dict[str, Any]) -> Table:
    """Both, and the ratio."""
    shown = Table("", "texts a second", "least", "most", "aim", title=found["texts"])
    for name, aim in (("ours", ""), ("rival", ""), ("ratio", AIM)):
        row = found[name]
        shown.add_row(name, *(f"{row[k]:.2f}" for k in ("median", "least", "most")), aim)
    return shown


def main(
    model: Annotated[Path, typer.Option(help="A fine-tuned checkpoint of twelve layers.")],
    bundle: Annotated[Path | None, typer.Option(help="Ours; default: the champion.")] = None,
    texts: Annotated[Path, typer.Option(help="JSONL with a column `text`.")] = CORPUS,
    rounds: Annotated[int, typer.Option(help="In turns.")] = 5,
    seconds: Annotated[float, typer.Option(help="Of each round.")] = 20.0,
    callers: Annotated[int, typer.Option(help="At once.")] = 16,
    output: Annotated[Path, typer.Option(help="Where the JSON goes.")] = Path(
        "var/bench/rival.json"
    ),
) -> None:
    """Measure, print and write the figures as JSON."""
    err = Console(stderr=True)
    found = run(
        model,
        bundle=bundle,
        texts=texts,
        rounds=rounds,
        seconds=seconds,
        callers=callers,
        say=lambda what: err.print(what, style="dim"),
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    Console().print(table(found))


if __name__ == "__main__":
    typer.run(main)
