"""The service under load, over HTTP with durable writes: capacity, latency, overload, soak.

python -m benchmarks.load [--quick] [--texts FILE] [--database sqlite|postgres|URL]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.rig import drive, ledger
from benchmarks.rig.figures import Times, middle, trend
from benchmarks.rig.inprocess import InProcess
from benchmarks.rig.machine import machine
from benchmarks.rig.service import Service
from benchmarks.rig.shots import Plan, Volley
from benchmarks.rig.stage import staged
from benchmarks.rig.texts import CORPUS
from model.threads import effective_cpus
from serving.settings import MAX_DEADLINE_MS

# Aims, by the figure they hold for.
AIMS = {
    "ratio": "≥ 0.80",
    "p99 at 70 %": "≤ 60 ms",
    "accepted p99 at 3 ×": "≤ 500 ms",
    "refused p99 at 3 ×": "≤ 20 ms",
    "soak slope": "flat",
}


@dataclass(frozen=True)
class Lengths:
    """Seconds of each phase, and rounds of the first; `steady_seconds` are of all rounds.

    `share` of its capacity is what the service is asked for day by day.
    """

    rounds: int = 5
    round_seconds: float = 20.0
    steady_seconds: float = 120.0
    overload_seconds: float = 30.0
    soak_seconds: float = 0.0
    share: float = 0.7

    @classmethod
    def quick(cls) -> Lengths:
        """As short as will still send something in each phase."""
        return cls(1, 1.0, 1.0, 1.0, 0.0)


@dataclass
class Bench:
    """A running service and the loads sent to it."""

    service: Service
    plan: Plan
    senders: int
    volleys: dict[str, Volley]
    say: Callable[[str], None]

    def fire(self, name: str, seconds: float, **changes: Any) -> dict[str, Any]:
        """Send a load, keep what became of it, and report."""
        self.say(name)
        plan = Plan(**{**_fields(self.plan), "name": name, "seconds": seconds, **changes})
        with drive.watching(self.service) as watch:
            volley = drive.fire(plan, self.senders)
        self.volleys[name] = volley
        found = drive.report(volley, watch, effective_cpus())
        if len(watch.rss_mb) >= 12:
            found["rss_mb"] = [round(value, 1) for value in watch.rss_mb]
            found["rss_mb_per_minute"] = trend(watch.seconds, watch.rss_mb).as_json()
        return found

    def in_turns(self, alone: InProcess, lengths: Lengths, callers: int) -> dict[str, Any]:
        """Model and triage alone, the whole service, and the service at a share of that, in turns.

        The host's speed varies by a third within the hour: what was its capacity a while ago may be
        more than it has. Returns the figures of `capacity` and, unless its seconds are 0, `steady`.
        """
        warm = min(5.0, lengths.round_seconds)
        alone.measure(warm)
        self.fire("warm-up", warm, callers=callers)
        rounds: list[dict[str, Any]] = []
        steady: list[dict[str, Any]] = []
        for number in range(lengths.rounds):
            self.say(f"in process, round {number + 1}")
            speed = alone.measure(lengths.round_seconds)
            # A deadline that refuses nobody: a caller who is refused would come again at once.
            found = self.fire(
                f"saturation-{number}",
                lengths.round_seconds,
                callers=callers,
                deadline_ms=MAX_DEADLINE_MS,
            )
            found |= {
                "in_process": speed.per_second,
                "in_process_cpu_ms": speed.cpu_ms,
                "ratio": found["per_second"] / speed.per_second,
                "cpu_ratio": speed.cpu_ms / found["cpu_ms_per_decision"],
            }
            rounds.append(found)
            if seconds := lengths.steady_seconds / lengths.rounds:
                rate = max(1.0, lengths.share * found["per_second"])
                part = self.fire(f"steady-{number}", seconds, rate=rate, seed=number)
                steady.append({"rate": rate, **part})
        figures: dict[str, Any] = {
            "capacity": {
                "callers": callers,
                "in_process_per_second": middle([r["in_process"] for r in rounds]),
                "http_per_second": middle([r["per_second"] for r in rounds]),
                "ratio": middle([r["ratio"] for r in rounds]),
                "cpu_ratio": middle([r["cpu_ratio"] for r in rounds]),
                "rounds": rounds,
            }
        }
        if steady:
            figures["steady"] = {"share": lengths.share, **self._pooled(steady)}
        return figures

    def _pooled(self, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The figures of all parts of the steady load, its latencies taken together."""
        volleys = [self.volleys[f"steady-{number}"] for number in range(len(parts))]
        accepted = [s.latency for volley in volleys for s in volley.shots if s.accepted]
        return {
            "rate": middle([part["rate"] for part in parts]),
            "accepted_ms": Times.of(accepted).as_json(),
            "p99_ms": middle([part["accepted_ms"]["p99"] for part in parts]),
            "sender_cpu_share": max(part["sender_cpu_share"] for part in parts),
            "service_cpu_share": middle([part["service_cpu_share"] for part in parts]),
            "cpu_ms_per_decision": middle([part["cpu_ms_per_decision"] for part in parts]),
            "rounds": list(parts),
        }

    def accounts(self) -> dict[str, Any]:
        """Whether all that was sent is accounted for, and all that was accepted is kept."""
        promises: dict[str, ledger.Promise] = {}
        for volley_name, volley in self.volleys.items():
            promises |= ledger.promised(volley_name, volley.shots)
        kept = ledger.kept(self.service.database_url)
        answers = [volley.account() for volley in self.volleys.values()]
        return {
            "sent": sum(a["sent"] for a in answers),
            "accepted": sum(a["accepted"] for a in answers),
            "refused": sum(a["refused"] for a in answers),
            "failed": sum(a["failed"] for a in answers),
            "kept": kept,
            "amiss": ledger.audit_store(self.service.database_url, promises),
        }


def _fields(plan: Plan) -> dict[str, Any]:
    return dict(orjson.loads(plan.as_json()))


def run(
    lengths: Lengths,
    *,
    database: str = "sqlite",
    bundle: Path | None = None,
    texts: Path = CORPUS,
    callers: int = 32,
    senders: int = 1,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """All phases on one service; returns the figures."""
    found: dict[str, Any] = {"machine": machine(), "texts": texts.name}
    found["database"] = database.partition(":")[0]
    with staged(database, bundle) as stage:
        service = stage.service
        plan = Plan(service.port, stage.token, str(texts.resolve()), "", 0.0)
        bench = Bench(service, plan, senders, {}, say)
        alone = InProcess(texts.resolve(), effective_cpus(), bundle)
        try:
            found |= bench.in_turns(alone, lengths, callers)
        finally:
            alone.close()
        capacity = found["capacity"]["http_per_second"]["median"]
        phases = {
            "overload": (3.0, lengths.overload_seconds),
            "soak": (lengths.share, lengths.soak_seconds),
        }
        for name, (times, seconds) in phases.items():
            if seconds:
                rate = max(1.0, times * capacity)
                found[name] = {"rate": rate, **bench.fire(name, seconds, rate=rate)}
        service.stop()
        found["accounts"] = bench.accounts()
    return found


def table(found: dict[str, Any]) -> Table:
    """The figures that have an aim."""
    shown = Table("figure", "measured", "aim", title=f"{found['database']}, {found['texts']}")
    capacity = found["capacity"]
    for name in ("in_process_per_second", "http_per_second"):
        shown.add_row(name, f"{capacity[name]['median']:.1f}", "")
    rows = {"ratio": f"{capacity['ratio']['median']:.3f}"}
    if "steady" in found:
        steady, by_round = found["steady"]["accepted_ms"], found["steady"]["p99_ms"]
        rows[f"p99 at {100 * found['steady']['share']:g} %"] = (
            f"{steady['p99']:.1f} ms; by round {by_round['median']:.1f} "
            f"[{by_round['least']:.1f}, {by_round['most']:.1f}]"
        )
    if "overload" in found:
        over = found["overload"]
        rows["accepted p99 at 3 ×"] = f"{over['accepted_ms']['p99']:.1f} ms"
        rows["refused p99 at 3 ×"] = f"{over['refused_ms']['p99']:.1f} ms"
    if slope := found.get("soak", {}).get("rss_mb_per_minute"):
        rows["soak slope"] = f"{slope['slope']} [{slope['low']}, {slope['high']}] MB a minute"
    for name, value in rows.items():
        shown.add_row(name, value, AIMS.get(name, ""))
    loads = [*capacity["rounds"], *(found[p] for p in ("steady", "overload", "soak") if p in found)]
    share = max(load["sender_cpu_share"] for load in loads)
    shown.add_row("sender's share of the machine, at most", f"{share:.1%}", "")
    accounts = found["accounts"]
    shown.add_row("accepted and kept", f"{accounts['accepted']} / {accounts['kept']}", "equal")
    shown.add_row("amiss in the store", str(accounts["amiss"] or "nothing"), "nothing")
    return shown


def main(
    quick: Annotated[bool, typer.Option(help="A few seconds: accounting only.")] = False,
    texts: Annotated[Path, typer.Option(help="JSONL with a column `text`.")] = CORPUS,
    bundle: Annotated[Path | None, typer.Option(help="Default: the champion.")] = None,
    database: Annotated[str, typer.Option(help="sqlite, postgres, or a URL.")] = "sqlite",
    rounds: Annotated[int, typer.Option(help="Rounds of the first phase.")] = 5,
    round_seconds: Annotated[float, typer.Option(help="Seconds of each.")] = 20.0,
    steady_seconds: Annotated[float, typer.Option(help="At the share, all rounds.")] = 120.0,
    share: Annotated[
        float, typer.Option(help="Of capacity, steadily and in the soak.", min=0.01, max=1.0)
    ] = 0.7,
    overload_seconds: Annotated[float, typer.Option(help="At three times the capacity.")] = 30.0,
    soak_minutes: Annotated[float, typer.Option(help="0 leaves the soak out.")] = 0.0,
    callers: Annotated[int, typer.Option(help="Callers at saturation.")] = 32,
    senders: Annotated[int, typer.Option(help="Processes that send.")] = 1,
    output: Annotated[Path | None, typer.Option(help="Where the JSON goes.")] = None,
) -> None:
    """Measure, print a table and write the figures as JSON."""
    soak_seconds = soak_minutes * 60
    chosen = Lengths(rounds, round_seconds, steady_seconds, overload_seconds, soak_seconds, share)
    err = Console(stderr=True)
    found = run(
        replace(Lengths.quick(), share=share) if quick else chosen,
        database=database,
        bundle=bundle,
        texts=texts,
        callers=callers,
        senders=senders,
        say=lambda what: err.print(what, style="dim"),
    )
    target = output or Path("var") / "bench" / f"load-{found['database']}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    Console().print(table(found))
    accounts = found["accounts"]
    if accounts["amiss"] or accounts["accepted"] != accounts["kept"]:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
