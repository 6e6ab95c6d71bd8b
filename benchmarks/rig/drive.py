"""Send loads from processes of their own, and watch the service meanwhile."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import psutil

from benchmarks.rig.figures import Times
from benchmarks.rig.service import ROOT, Service
from benchmarks.rig.shots import Plan, Volley


def fire(plan: Plan, senders: int = 1) -> Volley:
    """Send a load from `senders` processes, an equal part of it each. Blocks until it is over."""
    parts = [plan] if senders == 1 else [_part(plan, i, senders) for i in range(senders)]
    command = [sys.executable, "-m", "benchmarks.rig.sender"]
    with ExitStack() as stack:
        # Files: a soak's answers are many megabytes.
        told = [stack.enter_context(tempfile.TemporaryFile()) for _ in parts]
        running = [
            subprocess.Popen(  # noqa: S603 - our own command
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=output
            )
            for output in told
        ]
        # All read their plan before one is waited for: they send at the same time.
        for process, part in zip(running, parts, strict=True):
            assert process.stdin is not None  # noqa: S101 - a pipe was asked for
            process.stdin.write(part.as_json())
            process.stdin.close()
        if any(process.wait() for process in running):
            raise RuntimeError(f"a sender of {plan.name!r} failed")
        for output in told:
            output.seek(0)
        return Volley.together([Volley.parse(output.read()) for output in told])


def _part(plan: Plan, number: int, of: int) -> Plan:
    return replace(
        plan,
        name=f"{plan.name}.{number}",
        rate=plan.rate / of if plan.rate else None,
        callers=max(1, plan.callers // of),
        seed=plan.seed + number,
    )


@dataclass
class Watch:
    """What a service used while a load ran."""

    seconds: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0


@contextmanager
def watching(service: Service, every: float = 5.0) -> Iterator[Watch]:
    """Read memory every so many seconds, and the processor time over the whole."""
    watch, stop = Watch(), threading.Event()
    before = service.usage()[0]

    def look() -> None:
        number = 0
        while not stop.wait(every):
            number += 1
            try:
                watch.rss_mb.append(service.usage()[1])
            except psutil.Error:
                return
            watch.seconds.append(number * every)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join()
        if service.running:
            watch.cpu_seconds = service.usage()[0] - before


def report(volley: Volley, watch: Watch, cpus: int) -> dict[str, Any]:
    """A load's accounts, latencies and who used the machine."""
    shots = volley.shots
    accepted = sum(shot.accepted for shot in shots)
    machine = volley.seconds * cpus
    return {
        **volley.account(),
        "seconds": round(volley.seconds, 2),
        "per_second": round(volley.per_second, 2),
        "accepted_ms": Times.of([s.latency for s in shots if s.accepted]).as_json(),
        "refused_ms": Times.of([s.latency for s in shots if s.refused]).as_json(),
        "sender_late_ms": Times.of([s.sent - s.intended for s in shots]).as_json(),
        "sender_cpu_share": round(volley.cpu_seconds / machine, 4),
        "service_cpu_share": round(watch.cpu_seconds / machine, 4),
        "cpu_ms_per_decision": round(1000 * watch.cpu_seconds / max(1, accepted), 3),
    }
