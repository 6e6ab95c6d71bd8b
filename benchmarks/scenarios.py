"""What goes wrong around the service, each as a function that makes it go wrong and judges."""

from __future__ import annotations

import random
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from benchmarks.rig import ledger
from benchmarks.rig.barrage import Barrage
from benchmarks.rig.receiver import MOODS, WELL, Receiver
from benchmarks.rig.service import NotStartedError, Service
from benchmarks.rig.shots import Plan
from benchmarks.rig.stage import Stage, staged
from benchmarks.rig.texts import CORPUS
from benchmarks.rig.tricks import damaged_copy, faketime
from benchmarks.rig.witness import Witness
from model.runtime import SHIPPED

# Leads nowhere: work orders are written, and stay.
NOWHERE = "http://192.0.2.1:9/"
# Nobody waits longer for the service to be itself again, in seconds.
RECOVERY = 90.0
_PATIENT_MS = 60_000
_HASTY = {"SUDA_WEBHOOK_TIMEOUT": "0.3", "SUDA_OUTBOX_POLL_SECONDS": "0.1"}


@dataclass(frozen=True)
class Setting:
    """What every scenario is given; `times` is how often the worst is repeated."""

    database: str = "sqlite"
    bundle: Path | None = None
    texts: Path = CORPUS
    times: int = 3
    longest: float = 1.5
    callers: int = 8
    seed: int = 0
    say: Callable[[str], None] = lambda _: None

    def plan(self, stage: Stage, name: str, seconds: float) -> Plan:
        """A load of callers who wait patiently."""
        texts = str(self.texts.resolve())
        return Plan(
            stage.service.port,
            stage.token,
            texts,
            name,
            seconds,
            callers=self.callers,
            deadline_ms=_PATIENT_MS,
            timeout=30.0,
        )

    def open(self, **settings: str) -> Any:
        """A stage whose departments are told."""
        return staged(self.database, self.bundle, settings, webhook=NOWHERE)


def kill_service(given: Setting) -> dict[str, Any]:
    """kill -9 at a random moment under load; it is started anew on the same store."""
    chance = random.Random(given.seed)  # noqa: S311 - moments, not secrets
    with given.open() as stage:
        witness = Witness(stage.url)
        for number in range(given.times):
            moment = chance.uniform(0.05, given.longest)
            plan = given.plan(stage, f"kill{number}", moment + 0.2)
            barrage = Barrage(plan)
            time.sleep(moment)
            stage.service.kill()
            volley = barrage.wait()
            stage.service.start()
            witness.saw(plan, volley, broken=True)
            witness.repeat(plan, volley)
            witness.audit()
            given.say(f"kill {number + 1} of {given.times}: {witness.acknowledged} acknowledged")
    return witness.report(kills=given.times)


def kill_workers(given: Setting) -> dict[str, Any]:
    """kill -9 of a process that runs the model, under load: no caller may notice."""
    chance = random.Random(given.seed)  # noqa: S311
    with given.open(SUDA_PROCESSES="2") as stage:
        witness = Witness(stage.url)
        for number in range(given.times):
            moment = chance.uniform(0.05, given.longest)
            plan = given.plan(stage, f"worker{number}", moment + 0.5)
            barrage = Barrage(plan)
            time.sleep(moment)
            chance.choice(stage.service.workers()).kill()
            volley = barrage.wait()
            witness.saw(plan, volley)
            if any(shot.status != 200 for shot in volley.shots):
                witness.amiss.append(f"calls failed when worker {number} was killed")
            if not _two_again(stage):
                witness.amiss.append(f"no other worker within {RECOVERY:.0f} s of kill {number}")
                break
            given.say(f"worker killed {number + 1} of {given.times}: {witness.statuses}")
        witness.audit()
    return witness.report(kills=given.times)


def kill_database(given: Setting) -> dict[str, Any]:
    """PostgreSQL ends at once under load, is away for a while and comes back by itself."""
    chance = random.Random(given.seed)  # noqa: S311
    waits: list[float] = []
    with replace(given, database="postgres").open() as stage:
        assert stage.postgres is not None  # noqa: S101 - one was asked for
        witness = Witness(stage.url)
        for number in range(given.times):
            moment, away = chance.uniform(0.2, given.longest), chance.uniform(0.2, 2.0)
            plan = given.plan(stage, f"gone{number}", moment + away + 1.0)
            barrage = Barrage(plan)
            time.sleep(moment)
            stage.postgres.kill()
            time.sleep(away)
            stage.postgres.start()
            volley = barrage.wait()
            waits.append(_recovered(stage.service))
            witness.saw(plan, volley)
            witness.repeat(plan, volley)
            witness.audit()
            given.say(f"database killed {number + 1} of {given.times}: {witness.statuses}")
    return witness.report(kills=given.times, recovered_within=round(max(waits), 2))


def disk_full(given: Setting) -> dict[str, Any]:
    """No file may grow any longer, as on a full disk; then there is room again."""
    with replace(given, database="sqlite").open() as stage:
        witness = Witness(stage.url)
        before = given.plan(stage, "before", given.longest)
        witness.saw(before, Barrage(before).wait())
        log = stage.folder / "suda.sqlite3-wal"
        assert stage.service.process is not None  # noqa: S101 - it was started
        pid = stage.service.process.pid
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (log.stat().st_size + 8_192, -1))
        while_full = []
        # A slow machine writes little in a short time.
        for number in range(10):
            plan = given.plan(stage, f"full{number}", given.longest)
            volley = Barrage(plan).wait()
            witness.saw(plan, volley)
            while_full.append((plan, volley))
            if any(shot.status == 503 for shot in volley.shots):
                break
        else:
            witness.amiss.append("the disk was never full")
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (-1, -1))
        wait = _recovered(stage.service)
        for plan, volley in while_full:
            witness.repeat(plan, volley)
        witness.repeat(before, Barrage(before).wait())
        witness.audit()
    return witness.report(recovered_within=round(wait, 2))


def clock_jumps(given: Setting) -> dict[str, Any]:
    """The machine's clock jumps by a day, forth and back, while calls are answered."""
    library = faketime()
    if library is None:
        return {"skipped": "needs the package libfaketime", "passed": True}
    with tempfile.TemporaryDirectory(prefix="suda") as folder:
        file = Path(folder) / "clock"
        file.write_text("+0d\n")
        jumps = {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(file)}
        jumps |= {"FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        with given.open(**jumps) as stage:
            witness = Witness(stage.url)
            for number, jump in enumerate(("+1d", "-1d", "+0d", "+40d", "+0d")):
                plan = given.plan(stage, f"jump{number}", given.longest)
                barrage = Barrage(plan)
                time.sleep(given.longest / 2)
                file.write_text(f"{jump}\n")
                volley = barrage.wait()
                witness.saw(plan, volley)
                if any(shot.status != 200 for shot in volley.shots):
                    witness.amiss.append(f"calls failed when the clock jumped to {jump}")
                witness.repeat(plan, volley)
                if stage.service.status("/readyz") != 200:
                    witness.amiss.append(f"not ready after {jump}")
            witness.audit()
    return witness.report(jumps=5)


def bad_receivers(given: Setting) -> dict[str, Any]:
    """Departments that never answer, lie or hang up; then they are well, and have been told all."""
    with (
        Receiver() as receiver,
        staged(given.database, given.bundle, _HASTY, webhook=receiver.url) as stage,
    ):
        witness = Witness(stage.url)
        for number, mood in enumerate(MOODS):
            receiver.mood = mood
            plan = given.plan(stage, f"mood{number}", given.longest)
            volley = Barrage(plan).wait()
            witness.saw(plan, volley)
            witness.repeat(plan, volley)
            if any(shot.status != 200 for shot in volley.shots):
                witness.amiss.append(f"calls failed while receivers were {mood}")
        receiver.mood = WELL
        delivered = _delivered(stage.url, RECOVERY)
        if not delivered:
            witness.amiss.append(f"not all work orders were delivered in {RECOVERY:.0f} s")
        witness.amiss += [
            f"{len(unheard)} work orders count as delivered and never came"
            for unheard in [ledger.delivered(stage.url) - receiver.heard]
            if unheard
        ]
        witness.audit()
    return witness.report(heard=len(receiver.heard), calls=receiver.calls)


def corrupt_bundle(given: Setting) -> dict[str, Any]:
    """One byte of a bundle's file is another: the service says so and does not start."""
    amiss: list[str] = []
    whole = given.bundle or SHIPPED
    names = ["manifest.json", *orjson.loads((whole / "manifest.json").read_bytes())["files"]]
    for damaged in names[: given.times]:
        with damaged_copy(whole, damaged) as bundle:
            url = f"sqlite:///{bundle.parent}/suda.sqlite3"
            service = Service(bundle.parent, url, {"SUDA_BUNDLE": str(bundle)})
            try:
                service.start()
            except NotStartedError as error:
                if damaged not in str(error) or "Traceback" in str(error):
                    amiss.append(f"{damaged}: {str(error)[-200:]}")
            else:
                amiss.append(f"{damaged}: it started")
                service.stop()
            code = service.process.returncode if service.process else None
            if code != 1:
                amiss.append(f"{damaged}: exit code {code}")
    return {"amiss": amiss, "passed": not amiss}


def _delivered(url: str, patience: float) -> bool:
    """Whether nothing waits in the outbox any longer, at most so many seconds from now."""
    until = time.monotonic() + patience
    while ledger.undelivered(url):
        if time.monotonic() > until:
            return False
        # Attempts wait longer and longer: a person would send them again as well.
        ledger.due_now(url)
        time.sleep(0.5)
    return True


def _two_again(stage: Stage) -> bool:
    """Whether both workers hold the model again, at most so many seconds from now."""
    until = time.monotonic() + RECOVERY
    while time.monotonic() < until:
        if 'suda_threads_healthy{crew="processes"} 2.0' in stage.service.metrics(stage.token):
            return True
        time.sleep(0.1)
    return False


def _recovered(service: Service) -> float:
    """Seconds until it is ready again, by itself."""
    began = time.monotonic()
    service.wait_ready(RECOVERY)
    return time.monotonic() - began


SCENARIOS: dict[str, Callable[[Setting], dict[str, Any]]] = {
    "kill-sqlite": kill_service,
    "kill-postgres": lambda given: kill_service(replace(given, database="postgres")),
    "kill-workers": kill_workers,
    "kill-database": kill_database,
    "disk-full": disk_full,
    "clock-jumps": clock_jumps,
    "corrupt-bundle": corrupt_bundle,
    "bad-receivers": bad_receivers,
}
