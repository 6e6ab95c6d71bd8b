from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Networks this small only wait for each other on several threads, long on a busy machine."""
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)
