"""What a routing decision costs: data, by pair of departments."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from data.errors import FileFormatError
from data.taxonomy.schema import Taxonomy
from eval.suite.config import COSTS, Strict, SuiteConfig
from serving.triage.types import Decision

_GENERIC = "generic"


class Pair(Strict):
    """A cost of its own for some departments; an empty list means any."""

    gold: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    cost: float = Field(ge=0)
    assisted: float | None = Field(default=None, ge=0)

    def holds(self, gold: str, answered: str) -> bool:
        """Whether the pair is about these departments."""
        return (not self.gold or gold in self.gold) and (
            not self.answered or answered in self.answered
        )


class Costs(Strict):
    """The whole of a cost file, in units of one person's look at one complaint."""

    version: str
    right: float = Field(ge=0)
    review: float = Field(ge=0)
    reviewed_wrong: float = Field(ge=0)
    wrong: float = Field(ge=0)
    assisted: float = Field(ge=0)
    pairs: tuple[Pair, ...] = ()

    def of(self, decision: Decision, gold: str) -> float:
        """The cost of a decision whose lead should have been `gold`."""
        lead = decision.routing.lead.code
        if lead == gold:
            return self.review if decision.review.needed else self.right
        if decision.review.needed:
            return self.reviewed_wrong
        told = gold in {party.code for party in decision.routing.assisting}
        for pair in self.pairs:
            if pair.holds(gold, lead):
                return pair.assisted if told and pair.assisted is not None else pair.cost
        return self.assisted if told else self.wrong


def costs_for(config: SuiteConfig, taxonomy: Taxonomy, departments: Collection[str]) -> Costs:
    """The file the suite names, else that of the taxonomy, else the general one.

    Raises FileFormatError naming file and key, also where a department is not of the policy.
    """
    own = COSTS / f"{taxonomy.id}.yaml"
    path = config.directory / config.costs if config.costs else own
    if not config.costs and not own.is_file():
        path = COSTS / f"{_GENERIC}.yaml"
    costs = load_costs(path)
    named = {code for pair in costs.pairs for code in (*pair.gold, *pair.answered)}
    if (unknown := sorted(named - set(departments))) and config.costs:
        raise FileFormatError(
            f"{unknown[0]!r} is no department of the policy", field=f"{path}: pairs"
        )
    return costs


def load_costs(path: Path) -> Costs:
    """Read a cost file. Raises FileFormatError naming file and key."""
    try:
        return Costs.model_validate(yaml.safe_load(path.read_bytes()))
    except OSError as error:
        raise FileFormatError(f"cannot be read: {error.strerror}", field=str(path)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FileFormatError(f"is not YAML: {error}", field=str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "file"
        raise FileFormatError(first["msg"], field=f"{path}: {key}") from error
