"""Half precision where the processor multiplies in it, and nowhere else."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal

import torch

Choice = Literal["auto", "on", "off"]


def native_bf16() -> bool:
    """Whether this processor multiplies bfloat16 matrices itself (AVX512-BF16 or AMX)."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, check, bool)()) for check in checks)


def autocast(choice: Choice) -> AbstractContextManager[object]:
    """The context of a forward pass."""
    enabled = choice == "on" or (choice == "auto" and native_bf16())
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled)
