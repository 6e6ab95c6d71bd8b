"""`suda retrain` as a function: every step once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from data.snapshot.record import Feedback
from data.snapshot.store import Snapshot
from data.taxonomy.load import load as load_taxonomy
from model.registry.check import digest_of
from model.registry.registry import Registry
from model.registry.verdict import Verdict
from training.curves import draw
from training.environment import environment
from training.retrain.challenger import Challenger, ChallengerOf, Material, challenger_of
from training.retrain.checks import check, flags
from training.retrain.judge import Court, reasons, verdict_of
from training.retrain.plan import Outcome, RetrainPlan
from training.retrain.record import (
    cases_digest,
    gates_text,
    plain,
    to_json,
    track,
    write_bytes,
    write_report,
)
from training.retrain.start import Start, alone, begin, run_name, snapshot_of
from training.retrain.steps import Output, Steps, digest
from training.tracking import FolderTracker, Trackers, open_tracker


def _now() -> datetime:
    return datetime.now(UTC)


def retrain(
    plan: RetrainPlan,
    feedback: Sequence[Feedback] = (),
    *,
    make_challenger: ChallengerOf = challenger_of,
    on_step: Callable[[str], None] = lambda _: None,
    clock: Callable[[], datetime] = _now,
) -> Outcome:
    """Snapshot, check, train, export, suite, gates, registry; promote where asked and passed.

    The run's folder is named by what goes in. Called again after a crash, or just again, it skips
    the steps that are done and comes to the same result. Raises InputError or ConflictError where
    the data, the registry or another process stand in the way; a failed gate is no error, it is
    in the outcome.
    """
    taxonomy = load_taxonomy(plan.taxonomy)
    on_step("snapshot")
    snapshot, cases = snapshot_of(plan, feedback, taxonomy)
    folder = plan.runs / run_name(plan, snapshot, taxonomy)
    material = Material(snapshot.texts(taxonomy), taxonomy, plan.taxonomy.read_bytes())
    store = Registry(plan.registry, clock)
    with alone(folder):
        steps = Steps(folder, on_step, clock)
        court = Court.open(cases, str(plan.cases or f"{snapshot.id} (test)"), plan.suite)
        run = _Run(plan, steps, snapshot, material, court, store, clock, on_step)
        return run.finish(make_challenger)


@dataclass(frozen=True)
class _Run:
    plan: RetrainPlan
    steps: Steps
    snapshot: Snapshot
    material: Material
    court: Court
    store: Registry
    clock: Callable[[], datetime]
    tell: Callable[[str], None]

    def finish(self, make_challenger: ChallengerOf) -> Outcome:
        start = self._start()
        challenger = make_challenger(self.plan, start)
        tracker = self._tracker()
        tracker.begin(self._config(start, challenger), environment())
        try:
            outcome = self._outcome(start, challenger, tracker)
        except BaseException:
            tracker.end("failed")
            raise
        tracker.end("finished" if outcome.passed else "refused")
        return outcome

    def _outcome(self, start: Start, challenger: Challenger, tracker: Trackers) -> Outcome:
        flags = self._check()
        self._train(challenger, tracker)
        exported = self._export(challenger, start)
        suite = self._suite(start, exported["version"], tracker)
        promoted = self._register(exported["version"], suite, start)
        report = self._report(tracker) if self.plan.report else None
        outcome = Outcome(
            run=self.steps.folder,
            snapshot=self.snapshot.id,
            version=exported["version"],
            champion=suite["verdict"]["champion"],
            passed=suite["verdict"]["passed"],
            refused=tuple(suite["refused"]),
            promoted=promoted,
            metrics=exported["metrics"],
            flags=flags,
            report=report,
            notes=(*self._notes(start, exported["version"], promoted), *tracker.problems),
        )
        write_bytes(self.steps.folder / "outcome.json", to_json(outcome.as_json()))
        return outcome

    def _start(self) -> Start:
        def work() -> Output:
            start = begin(self.plan, self.store, self.material.taxonomy, self.clock)
            counts = self.snapshot.manifest.counts
            return Output({**start.as_json(), "snapshot": self.snapshot.id, "counts": counts})

        return Start.from_json(self.steps.run("begin", {"run": self.steps.folder.name}, work))

    def _check(self) -> dict[str, int]:
        def work() -> Output:
            target = self.steps.folder / "checks.jsonl"
            report = check(self.material, target, self.tell)
            says = {finding.check: finding.sentence for finding in report.findings}
            return Output({"flags": flags(report), "says": says}, (target,))

        return dict(self.steps.run("check", {"snapshot": self.snapshot.id}, work)["flags"])

    def _train(self, challenger: Challenger, tracker: Trackers) -> None:
        given = {
            "snapshot": self.snapshot.id,
            "taxonomy": self.material.taxonomy.sha256,
            "kind": challenger.kind,
            "settings": digest(plain(challenger.settings())),
        }
        folder = self.steps.folder / "training"
        work = lambda: challenger.train(self.material, folder, tracker, self.tell)  # noqa: E731
        self.steps.run("train", given, work)

    def _export(self, challenger: Challenger, start: Start) -> Mapping[str, Any]:
        trained = self.steps.record("train")
        given = {
            "trained": dict(trained.made) if trained else {},
            "train": trained.inputs if trained else "",
            "created_at": start.created_at.isoformat(),
        }
        target = self.steps.folder / "bundle"

        def work() -> Output:
            manifest = challenger.export(
                self.material, self.steps.folder / "training", target, start.created_at, self.tell
            )
            return Output(
                {"version": manifest.version, "metrics": manifest.metrics.get("test", {})},
                (target,),
            )

        return self.steps.run("export", given, work)

    def _suite(self, start: Start, version: str, tracker: Trackers) -> Mapping[str, Any]:
        bundle = self.steps.folder / "bundle"
        # Once promoted the challenger is the champion; it is not its own yardstick.
        present = self.store.champion
        champion = start.champion if present == version else present
        other = self.store.bundle_of(champion) if champion and champion != version else None
        given = {
            "challenger": digest_of(bundle),
            "champion": digest_of(other) if other else None,
            "cases": cases_digest(self.court.cases),
            "suite": self.court.suite.name,
        }

        def work() -> Output:
            result = self.court.compare(bundle, other, self.tell)
            refused = reasons(result)
            files = self.steps.folder / "suite.json", self.steps.folder / "gates.txt"
            write_bytes(files[0], to_json(result.as_json()))
            write_bytes(files[1], gates_text(result, refused).encode())
            track(result, tracker)
            for path in files:
                tracker.artifact(path)
            verdict = verdict_of(result, bundle, other).as_json()
            return Output({"verdict": verdict, "refused": refused}, files)

        return self.steps.run("suite", given, work)

    def _report(self, tracker: Trackers) -> Path | None:
        """The report as one HTML page, and curves; None where its libraries are not installed."""
        folder = self.steps.folder

        def work() -> Output:
            page = write_report(folder / "suite.json", folder / "report.html")
            made = (*page, *draw(FolderTracker(folder).rows(), folder / "curves"))
            for path in made:
                tracker.artifact(path)
            return Output({"page": bool(page)}, made)

        suite = self.steps.record("suite")
        values = self.steps.run("report", {"suite": dict(suite.made) if suite else {}}, work)
        return folder / "report.html" if values["page"] else None

    def _register(self, version: str, suite: Mapping[str, Any], start: Start) -> bool:
        verdict = Verdict.from_json(suite["verdict"], name="suite")
        given = {"verdict": verdict.as_json(), "promote": self.plan.promote}

        def work() -> Output:
            bundle, why = self.steps.folder / "bundle", self.plan.why
            if self._known_otherwise(version):
                return Output({"promoted": False})
            self.store.add(bundle, who=self.plan.who, why=why, details=self._details(start))
            result = orjson.loads((self.steps.folder / "suite.json").read_bytes())
            self.store.judge(verdict, result)
            promote = self.plan.promote and verdict.passed
            if promote:
                self.store.promote(version, who=self.plan.who, why=why)
            return Output({"promoted": promote})

        return bool(self.steps.run("registry", given, work)["promoted"])

    def _known_otherwise(self, version: str) -> bool:
        """Whether a bundle of the same content, made otherwise, is registered: nothing is new."""
        known = self.store.state().versions.get(version)
        return known is not None and known.digest != digest_of(self.steps.folder / "bundle")

    def _details(self, start: Start) -> dict[str, Any]:
        folder = self.steps.folder
        checkpoint = folder / "training" / "model-best"
        return {
            "run": folder.name,
            "snapshot": self.snapshot.id,
            "trained_from": str(start.checkpoint) if start.checkpoint else None,
            "checkpoint": str(checkpoint.resolve()) if checkpoint.is_dir() else None,
        }

    def _notes(self, start: Start, version: str, promoted: bool) -> list[str]:
        notes = [
            f"left out of training: {n} texts {why}"
            for why, n in self.snapshot.manifest.reasons().items()
        ]
        if self._known_otherwise(version):
            notes.append(f"answers exactly as {version}, which is registered: nothing was learnt")
        present = self.store.champion
        if promoted and present != version:
            notes.append(f"was promoted by this run, and {present} has taken its place since")
        if start.kind == "encoder" and self.plan.warm and start.champion and not start.checkpoint:
            notes.append("trained from the pretrained encoder: the champion has no checkpoint")
        return notes

    def _tracker(self) -> Trackers:
        # A run that was finished before has been reported.
        done = self.steps.record("registry") is not None
        return open_tracker(self.steps.folder, None if done else self.plan.mlflow)

    def _config(self, start: Start, challenger: Challenger) -> dict[str, Any]:
        return {
            "plan": plain(asdict(self.plan)),
            "start": start.as_json(),
            "challenger": {"kind": challenger.kind, **plain(challenger.settings())},
            "snapshot": self.snapshot.id,
            "suite": self.court.suite.name,
            "cases": {"name": self.court.name, "n": len(self.court.cases)},
        }
