"""`suda bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table

from data.labelled import load_labelled
from data.splits import partition
from eval.speed.bench import BenchReport, Plan, steps
from eval.speed.bench import bench as run
from eval.speed.contenders import Contender, bundle_contender, checkpoint_contenders
from eval.speed.memory import MemoryReport, memory_over
from eval.speed.plot import plot
from model import bundle as bundles
from model.runtime import SHIPPED, load
from serving.cli.console import err, out, progress
from serving.cli.train import CORPUS


def bench(
    bundle: Annotated[Path, typer.Option(help="Model bundle.")] = SHIPPED,
    against: Annotated[
        list[Path] | None, typer.Option(help="Another bundle to measure beside it; repeatable.")
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help="Trained checkpoint: as torch pipeline and fp32 ONNX; repeatable."),
    ] = None,
    data: Annotated[Path, typer.Option(help="Texts to ask.")] = CORPUS,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of latency.")] = 15,
    calls: Annotated[
        int, typer.Option(min=0, help="Texts to watch the bundle's memory over; 0 = do not.")
    ] = 2_000,
    swaps: Annotated[int, typer.Option(min=2, help="Hot swaps to watch memory over.")] = 10,
    seconds: Annotated[float, typer.Option(help="Length of a throughput measurement.")] = 1.5,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Directory for bench.json and bench.png.")
    ] = Path("var/bench"),
) -> None:
    """Measure latency, throughput and memory, all contenders in turns on one thread a call."""
    labelled = load_labelled(data, bundles.read(bundle)[1])
    texts = [item.text for item in partition(labelled)["test"]] or [i.text for i in labelled]
    memory = _memory(bundle, texts, calls, swaps) if calls else None
    contenders = _contenders([bundle, *(against or ())], checkpoint or [])
    plan = Plan(rounds=rounds, seconds=seconds)
    with progress() as bar:
        task = bar.add_task("measuring", total=steps(plan))
        report = run(
            contenders,
            texts,
            plan,
            on_step=lambda name, _: bar.update(task, description=name, advance=1),
        )
    _print(report)
    _write(report, memory, output)


def _contenders(paths: list[Path], checkpoints: list[Path]) -> list[Contender]:
    found = [bundle_contender(f"{bundles.read(path)[0].kind} {path.name}", path) for path in paths]
    for checkpoint in checkpoints:
        try:
            found += checkpoint_contenders(checkpoint, paths[0])
        except ImportError as error:
            err.print(f"without {checkpoint}: {error.name} is missing, pip install 'suda[train]'")
    return found


def _memory(bundle: Path, texts: list[str], calls: int, swaps: int) -> MemoryReport:
    """Before any other contender is loaded, so that the process holds this model alone."""
    with progress() as bar:
        tasks = {"calls": bar.add_task("memory: calls", total=calls)}
        tasks["swaps"] = bar.add_task("memory: swaps", total=swaps)
        report = memory_over(
            lambda: load(bundle),
            texts,
            calls=calls,
            swaps=swaps,
            on_step=lambda name, done: bar.update(tasks[name], completed=done),
        )
    out.print(
        f"memory: {report.before:.0f} MB before loading, {report.after_calls[-1]:.0f} after "
        f"{calls} texts ({report.growth:+.1f} in the second half), {report.after_swaps[-1]:.0f} "
        f"after {swaps} swaps ({report.swap_growth:+.1f})"
    )
    return report


def _print(report: BenchReport) -> None:
    out.print(
        f"{report.cpus} processors, {report.threads_per_call} thread a call for every contender; "
        f"{report.texts} texts; medians with 95 % bootstrap intervals"
    )
    for title, field in (("ms by characters", "latency_ms"), ("texts/s", "texts_per_second")):
        table = Table(box=None, pad_edge=False, title=title, title_justify="left")
        table.add_column("contender")
        for key in getattr(report.rows[0], field):
            table.add_column(key, justify="right")
        for row in report.rows:
            table.add_row(row.name, *map(str, getattr(row, field).values()))
        out.print(table)
    for row in report.rows:
        out.print(f"{row.name}: {row.made_of}")


def _write(report: BenchReport, memory: MemoryReport | None, output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    options = orjson.OPT_INDENT_2
    content = report.as_json() | {"memory": memory.as_json() if memory else None}
    (output / "bench.json").write_bytes(orjson.dumps(content, option=options) + b"\n")
    try:
        plot(report, output / "bench.png")
    except ImportError:
        err.print("no plot: matplotlib is missing, pip install 'suda[train]'")
    err.print(f"→ {output}")
