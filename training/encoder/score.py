"""Development figures of a network while it trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from eval.metrics import macro_f1
from model.encoder.network import EncoderNetwork
from training.encoder.config import BatchConfig
from training.encoder.precision import autocast
from training.encoder.texts import Ids, collate

Floats = NDArray[np.float32]


def logits_of(
    network: EncoderNetwork,
    ids: Sequence[Ids],
    *,
    pad: int,
    batch: BatchConfig,
    bf16: Literal["auto", "on", "off"] = "off",
) -> dict[str, Floats]:
    """Logits per head, (texts, leaves); the network's mode is kept."""
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
    was_training = network.training
    network.eval()
    parts: list[dict[str, Floats]] = []
    with torch.inference_mode(), autocast(bf16):
        for start in range(0, len(order), batch.texts):
            made = collate(ids, order[start : start + batch.texts], pad)
            logits = network(made.ids, made.mask).logits
            parts.append({name: values.float().numpy() for name, values in logits.items()})
    network.train(was_training)
    back = np.argsort(order)
    return {name: np.concatenate([part[name] for part in parts])[back] for name in parts[0]}


def figures(
    logits: Mapping[str, Floats], gold: Mapping[str, NDArray[np.int64]]
) -> dict[str, float]:
    """Macro-F1 and accuracy per head, and `score`, the mean macro-F1.

    Texts with gold -1 are left out, heads without any text too.
    """
    found: dict[str, float] = {}
    scores = []
    for name, columns in gold.items():
        rows = columns >= 0
        if rows.any():
            predicted = logits[name][rows].argmax(axis=1)
            scores.append(macro_f1(columns[rows], predicted))
            found[f"{name}_macro_f1"] = round(scores[-1], 5)
            found[f"{name}_accuracy"] = round(float((predicted == columns[rows]).mean()), 5)
    return {"score": float(np.mean(scores)) if scores else 0.0, **found}
