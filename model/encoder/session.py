"""An onnxruntime session as this project runs it: one thread a call, many callers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.errors import BundleError
from model.classifier import Floats
from model.encoder.quiet import onnxruntime

Ids = NDArray[np.int64]


def open_session(model: bytes | Path, *, threads: int = 1, arena: bool = True) -> Session:
    """Load a graph. `threads` are those of one call; callers bring their own.

    Raises BundleError where the graph cannot be run here.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # An idle pool must not burn a processor that another caller needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # A plan of memory per shape would be kept for every length of text. The arena stays: without
    # it large buffers are mapped and returned at every call, at a third more time; its size is
    # bounded by the longest text (benchmarks/memory.py).
    options.enable_mem_pattern = False
    options.enable_cpu_mem_arena = arena
    options.log_severity_level = 3
    try:
        return Session(
            onnxruntime.InferenceSession(
                str(model) if isinstance(model, Path) else model,
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=["SkipLayerNormFusion"],
            )
        )
    except Exception as error:  # onnxruntime's errors have no common base class
        where = str(model) if isinstance(model, Path) else "graph"
        raise BundleError(f"cannot be run: {type(error).__name__}", field=where) from error


class Session:
    """Runs a graph. Safe to call from many threads."""

    def __init__(self, inner: onnxruntime.InferenceSession) -> None:
        self._inner = inner

    def run(self, ids: Ids, mask: Ids | None = None) -> tuple[Floats, Floats, Floats]:
        """Token scores (batch, tokens, leaves), logits (batch, leaves), pooled (batch, hidden).

        `ids` and `mask` are (batch, tokens); without a mask nothing is padding.
        """
        mask = np.ones_like(ids) if mask is None else mask
        feed = {"input_ids": ids, "attention_mask": mask}
        scores, logits, pooled = self._inner.run(["token_scores", "logits", "pooled"], feed)
        return scores, logits, pooled

    def probe(self, ids: Ids, names: Sequence[str]) -> list[Floats]:
        """Other outputs by name, for one batch without padding."""
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        return list(self._inner.run(list(names), feed))


def padded(texts: Sequence[Ids], pad: int, width: int = 0) -> tuple[Ids, Ids]:
    """Texts of different length, each (tokens,), as ids and mask of shape (texts, width)."""
    width = max(width, *(len(text) for text in texts))
    ids = np.full((len(texts), width), pad, dtype=np.int64)
    mask = np.zeros((len(texts), width), dtype=np.int64)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = text
        mask[row, : len(text)] = 1
    return ids, mask
