"""What the evaluation suite said of one bundle against one champion: the licence to promote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from data.errors import RegistryError


@dataclass(frozen=True, slots=True)
class Verdict:
    """A suite's outcome for exactly one challenger against exactly one champion (None = none yet).

    Digests are those of the manifests. `failed` has a sentence a failed gate, with its numbers;
    `cases` and `suite` are hashes of the texts and of the gates' configuration.
    """

    challenger: str
    challenger_digest: str
    champion: str | None
    champion_digest: str | None
    passed: bool
    gates: int
    failed: tuple[str, ...]
    cases: str
    suite: str
    at: str

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    def summary(self) -> dict[str, Any]:
        """What the promotion log keeps."""
        return {
            "passed": self.passed,
            "gates": self.gates,
            "failed": list(self.failed),
            "champion": self.champion,
            "cases": self.cases,
            "suite": self.suite,
            "at": self.at,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any], *, name: str) -> Verdict:
        """Raises RegistryError naming the file where a key is missing or unknown."""
        try:
            return cls(**{**values, "failed": tuple(values["failed"])})
        except (KeyError, TypeError) as error:
            raise RegistryError(f"is not a verdict: {error}", field=name) from error
