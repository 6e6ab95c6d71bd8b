"""From a bundle's directory to a pipeline that may serve, or the reason why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from data.errors import SudaError
from data.taxonomy.schema import Taxonomy
from model import golden
from model.runtime import load
from serving.models.errors import ModelRefusedError
from serving.models.selftest import self_test
from serving.pipeline import Pipeline, overlaid
from serving.workers.messages import WorkerError
from serving.workers.pool import Pool


def opened(
    path: Path,
    version: str,
    serving: Pipeline,
    taxonomy: Path | None,
    when: datetime,
    processes: Pool,
) -> Pipeline:
    """Load and verify the bundle at `path`, test it and warm it up, under the present policies.

    `taxonomy` is laid over the bundle's own, as at the start. Raises ModelRefusedError naming the
    step: `load` where it is damaged or is another version, `taxonomy` where its labels are not
    those that are served, `self-test` where it answers as no model may.
    """
    try:
        classifier = load(path)
        recorded = golden.read(path)
        laid = overlaid(taxonomy, classifier.taxonomy)
    except SudaError as error:
        raise ModelRefusedError("load", str(error), field=version) from error
    except Exception as error:  # whatever a damaged file makes numpy or onnxruntime raise
        raise ModelRefusedError("load", type(error).__name__, field=version) from error
    if classifier.version != version:
        message = f"the bundle says it is {classifier.version}"
        raise ModelRefusedError("load", message, field=version)
    if labels_of(classifier.taxonomy) != labels_of(serving.classifier.taxonomy):
        raise ModelRefusedError(
            "taxonomy",
            f"its labels ({classifier.taxonomy.stamp}) are not those that are served "
            f"({serving.classifier.taxonomy.stamp}): restart the service to change them",
            field=version,
        )
    try:
        shared = processes.share(classifier, path)
    except WorkerError as error:
        raise ModelRefusedError("load", f"in a worker process: {error}", field=version) from error
    pipeline = replace(serving, classifier=shared, taxonomy=laid)
    processes.equip(pipeline)
    self_test(pipeline, recorded, when)
    return pipeline


def labels_of(taxonomy: Taxonomy) -> Any:
    """What rules, routing and stored decisions rest on: heads, their kinds, codes and parents."""
    return taxonomy.id, {
        head.name: (head.kind, tuple((label.code, label.parent) for label in head))
        for head in taxonomy.heads
    }
