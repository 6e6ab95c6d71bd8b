"""Hostile inputs over all endpoints: nothing breaks, nothing leaks, nobody else waits longer.

python -m benchmarks.fuzz [--inputs 100000] [--schemathesis 50]
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.rig import ledger
from benchmarks.rig.barrage import Barrage
from benchmarks.rig.connection import Answer, BrokenError, Connection
from benchmarks.rig.examples import schemathesis
from benchmarks.rig.figures import Times
from benchmarks.rig.hostile import MARK, Foe, Hostile, operations
from benchmarks.rig.machine import machine
from benchmarks.rig.service import ROOT
from benchmarks.rig.shots import Plan, Volley
from benchmarks.rig.stage import Stage, staged
from benchmarks.rig.texts import CORPUS

DOCUMENT = ROOT / "docs" / "openapi.json"
# Long enough for the slowest honest answer under this load; a framing that waits for more bytes
# that never come is given up sooner.
_PATIENCE, _HALF_SAID = 30.0, 0.3
_AT_ONCE = 4
# Slow readers and writers that are held open all the while.
_DRIPS = 8
_CANARY_RATE = 5.0
_LEAKS = (b"Traceback", b'File "', b"sqlalchemy", b"/site-packages/", MARK.encode())


@dataclass
class Findings:
    """What was answered, and what should not have been."""

    statuses: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    amiss: list[str] = field(default_factory=list)

    def judge(self, sent: Hostile, answer: Answer, token: str) -> None:
        """Keep one answer; status 0 where there was none."""
        self.statuses[answer.status] += 1
        self.kinds[sent.kind] += 1
        shown = sent.data[:300]
        if answer.status >= 500 and answer.status not in (503, 504):
            self.amiss.append(f"{answer.status} for {shown!r}")
        if answer.status == 0 and sent.framed:
            self.amiss.append(f"no answer for {shown!r}")
        if token.encode() in answer.body:
            self.amiss.append(f"the key in the answer to {shown!r}")
        if answer.status >= 300 and any(leak in answer.body for leak in _LEAKS):
            self.amiss.append(f"{answer.body[:300]!r} for {shown!r}")


async def throw(stage: Stage, inputs: int, seed: int, found: Findings) -> None:
    """Send so many hostile inputs, a few at once."""
    foe = Foe(operations(orjson.loads(DOCUMENT.read_bytes())), stage.token, seed)
    left: Iterator[Hostile] = (foe.next() for _ in range(inputs))
    port = stage.service.port
    drips = [asyncio.create_task(_drip(port)) for _ in range(_DRIPS)]

    async def thrower() -> None:
        kept: Connection | None = None
        for sent in left:
            if not sent.framed and kept is not None:
                kept.close()
            kept, answer = await _send(port, kept if sent.framed else None, sent)
            found.judge(sent, answer, stage.token)
        if kept is not None:
            kept.close()

    await asyncio.gather(*(thrower() for _ in range(_AT_ONCE)))
    for drip in drips:
        drip.cancel()
    await asyncio.gather(*drips, return_exceptions=True)
    await asyncio.sleep(0.05)


async def _send(
    port: int, kept: Connection | None, sent: Hostile
) -> tuple[Connection | None, Answer]:
    """On the kept connection where it is still open, else, and for odd framing, on a new one."""
    patience = _PATIENCE if sent.framed else _HALF_SAID
    for _ in range(2):
        reused = kept is not None and kept.open
        connection = kept if kept is not None and reused else await Connection.to("127.0.0.1", port)
        try:
            answer = await connection.ask(sent.data, timeout=patience)
        except (BrokenError, TimeoutError):
            connection.close()
            kept = None
            if reused:
                # The server may hang up between two requests: only a fresh connection tells.
                continue
            return None, Answer(0, {}, b"")
        if sent.framed and connection.open:
            return connection, answer
        connection.close()
        return None, answer
    return None, Answer(0, {}, b"")


async def _drip(port: int) -> None:
    """A head that never ends, a byte at a time, over and over."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        try:
            for byte in b"POST /v1/classify HTTP/1.1\r\nHost: a\r\nX-Slow: " + b"a" * 1000:
                if writer.is_closing():
                    break
                writer.write(bytes([byte]))
                await asyncio.sleep(0.05)
        finally:
            writer.transport.abort()


def _canary(stage: Stage, texts: Path, name: str, seconds: float) -> Plan:
    where = str(texts.resolve())
    service = stage.service
    return Plan(service.port, stage.token, where, name, seconds, rate=_CANARY_RATE, timeout=60.0)


def logged(log: bytes, token: str) -> list[str]:
    """What stands in the log and should not."""
    leaks = {"a traceback": b"Traceback (", "a customer's words": MARK.encode(),
             "the words escaped": orjson.dumps(MARK)[1:-1], "the key": token.encode()}  # fmt: skip
    return [f"{name} in the log" for name, leak in leaks.items() if leak in log]


def run(
    inputs: int,
    *,
    bundle: Path | None = None,
    texts: Path = CORPUS,
    seed: int = 0,
    quiet_seconds: float = 20.0,
    examples: int = 0,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Throw the inputs at a service, beside a canary that means well; returns what was found."""
    found = Findings()
    report: dict[str, Any] = {"machine": machine(), "inputs": inputs}
    with staged("sqlite", bundle) as stage:
        say("the canary alone")
        alone = Barrage(_canary(stage, texts, "alone", quiet_seconds)).wait()
        say(f"{inputs} hostile inputs")
        began, beside = time.monotonic(), Beside(stage, texts)
        asyncio.run(throw(stage, inputs, seed, found))
        report["seconds"] = round(time.monotonic() - began, 1)
        among = beside.stop()
        if examples:
            say("schemathesis")
            report["schemathesis"] = schemathesis(stage, DOCUMENT, examples)
            found.amiss += report["schemathesis"]["amiss"]
        stage.service.stop()
        found.amiss += logged(stage.service.log.read_bytes(), stage.token)
        promises = ledger.promised("alone", alone.shots) | beside.promises
        found.amiss += [f"store: {f}" for f in ledger.audit_store(stage.url, promises).values()]
    canary = {"alone": alone, "among_hostile": among}
    report["canary"] = {
        name: {**volley.account(), "ms": Times.of([s.latency for s in volley.shots]).as_json()}
        for name, volley in canary.items()
    }
    report["statuses"] = {str(k): v for k, v in sorted(found.statuses.items())}
    report["kinds"] = dict(found.kinds)
    report |= {"amiss": found.amiss[:30], "passed": not found.amiss}
    return report


class Beside:
    """Canaries one after another, until it is stopped."""

    _SECONDS = 2.0

    def __init__(self, stage: Stage, texts: Path) -> None:
        self._stage, self._texts = stage, texts
        self._volleys: list[Volley] = []
        self.promises: dict[str, ledger.Promise] = {}
        self._stopped = False
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped:
            name = f"among{len(self._volleys)}"
            volley = Barrage(_canary(self._stage, self._texts, name, self._SECONDS)).wait()
            self._volleys.append(volley)
            self.promises |= ledger.promised(name, volley.shots)

    def stop(self) -> Volley:
        """All of them together."""
        self._stopped = True
        self._thread.join()
        return Volley.together(self._volleys)


def table(found: dict[str, Any]) -> Table:
    """What was sent and answered."""
    shown = Table("", "", title=f"{found['inputs']} hostile inputs in {found['seconds']} s")
    shown.add_row("answers by status (0: hung up on)", str(found["statuses"]))
    shown.add_row("kinds", str(found["kinds"]))
    for name, canary in found["canary"].items():
        ms = canary["ms"]
        shown.add_row(f"canary, {name}", f"p50 {ms['p50']} ms, p99 {ms['p99']} ms")
    shown.add_row("result", "\n".join(found["amiss"]) or "nothing amiss")
    return shown


def main(
    inputs: Annotated[int, typer.Option(help="Hostile inputs.")] = 100_000,
    texts: Annotated[Path, typer.Option(help="What the canary sends.")] = CORPUS,
    bundle: Annotated[Path | None, typer.Option(help="Default: the champion.")] = None,
    seed: Annotated[int, typer.Option(help="Of the inputs.")] = 0,
    examples: Annotated[int, typer.Option("--schemathesis", help="Each operation; 0: none.")] = 50,
    output: Annotated[Path, typer.Option(help="Where the JSON goes.")] = Path(
        "var/bench/fuzz.json"
    ),
) -> None:
    """Throw, print what was found and write it as JSON; status 1 where anything is amiss."""
    err = Console(stderr=True)
    found = run(
        inputs, bundle=bundle, texts=texts, seed=seed, examples=examples, say=lambda w: err.print(w)
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    Console().print(table(found))
    if not found["passed"]:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
