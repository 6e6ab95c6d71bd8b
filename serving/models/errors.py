"""Why a change of models did not happen. Nothing was changed where one of these is raised."""

from __future__ import annotations

from data.errors import SudaError


class ModelRefusedError(SudaError):
    """A model was not let in; what served before goes on. HTTP 409.

    `step` is where it failed: `load`, `taxonomy` or `self-test`; `field` names the version.
    """

    code = "model_refused"
    status = 409

    def __init__(self, step: str, message: str, *, field: str | None = None) -> None:
        super().__init__(f"{step}: {message}", field=field)
        self.step = step


class PinnedError(SudaError):
    """What serves was fixed when the service was started. HTTP 409."""

    code = "model_pinned"
    status = 409
