"""What a run did, kept where people look: its own folder always, MLflow where it is configured."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from data.errors import InputError

METRICS, CONFIG, ENVIRONMENT = "metrics.jsonl", "config.json", "environment.json"
EXPERIMENT = "suda"
# MLflow refuses longer values of parameters.
_LONGEST = 500


class Tracker(Protocol):
    """Told what a run does; never decides anything."""

    def begin(self, config: Mapping[str, Any], environment: Mapping[str, Any]) -> None:
        """The resolved configuration and what it runs on."""
        ...

    def metrics(self, series: str, values: Mapping[str, float], step: int = 0) -> None:
        """Figures of one moment: `series` groups what belongs on one plot."""
        ...

    def artifact(self, path: Path) -> None:
        """A file worth keeping."""
        ...

    def end(self, status: str) -> None:
        """`finished`, `refused` or `failed`."""
        ...


@dataclass(frozen=True)
class FolderTracker:
    """Keeps everything in the run's own folder; writing the same moment twice keeps one line."""

    folder: Path

    def begin(self, config: Mapping[str, Any], environment: Mapping[str, Any]) -> None:
        """Write config.json and environment.json."""
        for name, content in ((CONFIG, config), (ENVIRONMENT, environment)):
            _write(self.folder / name, json.dumps(content, ensure_ascii=False, indent=1) + "\n")

    def metrics(self, series: str, values: Mapping[str, float], step: int = 0) -> None:
        """Add a line to metrics.jsonl."""
        rows = [row for row in self.rows() if (row["series"], row["step"]) != (series, step)]
        rows.append({"series": series, "step": step, **values})
        _write(self.folder / METRICS, "".join(json.dumps(row) + "\n" for row in rows))

    def rows(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl."""
        path = self.folder / METRICS
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def artifact(self, path: Path) -> None:
        """It lies in the folder already."""

    def end(self, status: str) -> None:
        """Write `status`."""
        _write(self.folder / "status", f"{status}\n")


@dataclass
class MlflowTracker:
    """Sends the same to an MLflow server. A server that is away costs the record, not the run.

    Raises InputError where MLflow is configured but not installed.
    """

    uri: str
    name: str
    problems: list[str] = field(default_factory=list)
    _connect: Any = None
    _client: Any = None
    _run: str | None = None

    def __post_init__(self) -> None:
        try:
            import mlflow
        except ImportError as error:
            raise InputError(
                "MLflow is configured but not installed: pip install 'suda[mlflow]'",
                field="SUDA_MLFLOW_URI",
            ) from error
        self._connect = mlflow.MlflowClient

    def begin(self, config: Mapping[str, Any], environment: Mapping[str, Any]) -> None:
        """Open a run in the experiment `suda`, with parameters and tags."""

        def work() -> None:
            self._client = self._connect(tracking_uri=self.uri)
            found = self._client.get_experiment_by_name(EXPERIMENT)
            experiment = (
                found.experiment_id if found else self._client.create_experiment(EXPERIMENT)
            )
            self._run = self._client.create_run(experiment, run_name=self.name).info.run_id
            for key, value in flat(config).items():
                self._client.log_param(self._run, key, str(value)[:_LONGEST])
            for key, value in flat(environment).items():
                self._client.set_tag(self._run, key, str(value)[:_LONGEST])

        self._try("begin", work)

    def metrics(self, series: str, values: Mapping[str, float], step: int = 0) -> None:
        """One MLflow metric a figure."""

        def work() -> None:
            for name, value in values.items():
                self._client.log_metric(self._run, f"{series}.{name}", float(value), step=step)

        self._try("metrics", work)

    def artifact(self, path: Path) -> None:
        """Upload a file."""
        self._try("artifact", lambda: self._client.log_artifact(self._run, str(path)))

    def end(self, status: str) -> None:
        """Close the run."""
        self._try("end", lambda: self._close(status))

    def _close(self, status: str) -> None:
        self._client.set_tag(self._run, "outcome", status)
        self._client.set_terminated(self._run, "FAILED" if status == "failed" else "FINISHED")

    def _try(self, what: str, work: Any) -> None:
        if self._run is None and what != "begin":
            return
        try:
            work()
        except Exception as error:  # noqa: BLE001  what a server can do wrong has no base class
            self.problems.append(f"MLflow {what}: {error}")


@dataclass(frozen=True)
class Trackers:
    """Several as one."""

    parts: Sequence[Tracker]

    @property
    def problems(self) -> list[str]:
        """What could not be recorded."""
        return [p for part in self.parts if isinstance(part, MlflowTracker) for p in part.problems]

    def begin(self, config: Mapping[str, Any], environment: Mapping[str, Any]) -> None:
        """To each."""
        for part in self.parts:
            part.begin(config, environment)

    def metrics(self, series: str, values: Mapping[str, float], step: int = 0) -> None:
        """To each."""
        for part in self.parts:
            part.metrics(series, values, step)

    def artifact(self, path: Path) -> None:
        """To each."""
        for part in self.parts:
            part.artifact(path)

    def end(self, status: str) -> None:
        """To each."""
        for part in self.parts:
            part.end(status)


def configured_uri(environ: Mapping[str, str] = os.environ) -> str | None:
    """Where MLflow is: SUDA_MLFLOW_URI, else MLFLOW_TRACKING_URI, else nowhere."""
    return environ.get("SUDA_MLFLOW_URI") or environ.get("MLFLOW_TRACKING_URI") or None


def open_tracker(folder: Path, mlflow_uri: str | None = None) -> Trackers:
    """The folder, and MLflow where a URI is given."""
    parts: list[Tracker] = [FolderTracker(folder)]
    if mlflow_uri:
        parts.append(MlflowTracker(mlflow_uri, folder.name))
    return Trackers(parts)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted keys, without empty values."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{prefix}{key}."))
        elif value is not None:
            found[f"{prefix}{key}"] = value
    return found


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(content, encoding="utf-8")
    temporary.replace(path)
