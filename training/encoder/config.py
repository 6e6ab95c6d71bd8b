"""Everything that makes a training run, in one commented TOML file (training/configs)."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from data.errors import FileFormatError, InputError

DEFAULT = Path(__file__).parents[1] / "configs" / "encoder.toml"

_STRICT = ConfigDict(extra="forbid")
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
LayerChoice = Literal["first", "last", "spaced"]
Regulariser = Literal["none", "rdrop", "fgm"]


@dataclass(frozen=True, config=_STRICT)
class ModelConfig:
    """What is trained. `layers` 0 keeps all of the encoder's; `choice` says which stay."""

    encoder: str = "var/pretrained/e5-small-zh"
    layers: Annotated[int, Field(ge=0)] = 0
    choice: LayerChoice = "spaced"
    dropout: Share = 0.1
    attention_dropout: Share = 0.0
    head_dropout: Share = 0.0
    max_tokens: Annotated[int, Field(ge=8)] = 256


@dataclass(frozen=True, config=_STRICT)
class BatchConfig:
    """A batch has at most `texts` texts and `tokens` tokens with padding."""

    texts: Count = 16
    tokens: Count = 4096
    accumulate: Count = 1


@dataclass(frozen=True, config=_STRICT)
class OptimiserConfig:
    """AdamW. `layer_decay` is the factor on the rate from each layer to the one below it.

    `warmup` is the share of all steps on the way up; the way down is linear, to zero. `probe` is
    the most steps of the regression that new heads are fitted with beforehand (0 = random heads).
    """

    rate: Positive = 1e-4
    head_rate: Positive = 1e-3
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 0.9
    weight_decay: Weight = 0.01
    warmup: Share = 0.1
    clip: Positive = 1.0
    epochs: Count = 6
    probe: Annotated[int, Field(ge=0)] = 100


@dataclass(frozen=True, config=_STRICT)
class LossConfig:
    """How labels become a loss (training/encoder/targets.py, losses.py).

    `strength` is the weight of R-Drop's divergence, or the length of FGM's step.
    """

    smoothing: Share = 0.05
    alternatives: Share = 0.2
    parents: Weight = 0.5
    ordinal: Weight = 0.5
    balance: Share = 0.3
    heads: dict[str, Weight] = field(default_factory=dict)
    regulariser: Regulariser = "none"
    strength: Weight = 1.0


@dataclass(frozen=True, config=_STRICT)
class NoiseShare:
    """`share` of the training texts are noised afresh each epoch; `options` go to data.noise."""

    share: Share = 0.0
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, config=_STRICT)
class RunConfig:
    """`patience` epochs without a better development score end the run (0 = never).

    `save_every` is in seconds; a checkpoint is also written after every epoch. `threads` 0 leaves
    torch's choice. `bf16` "auto" takes it where the processor multiplies in it.
    """

    seed: int = 20261122
    patience: Annotated[int, Field(ge=0)] = 3
    save_every: Positive = 120.0
    bf16: Literal["auto", "on", "off"] = "auto"
    threads: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True, config=_STRICT)
class DistilConfig:
    """Weights of the parts of a distillation loss; `temperature` softens both sides' logits."""

    temperature: Positive = 2.0
    logits: Weight = 1.0
    hidden: Weight = 1.0
    gold: Weight = 0.3


@dataclass(frozen=True, config=_STRICT)
class StudentConfig:
    """A smaller network that learns from the fine-tuned one and is exported in its stead.

    `layers` 0 exports the fine-tuned network itself. `unlabelled` texts are cut from the training
    texts and learnt from the teacher alone.
    """

    layers: Annotated[int, Field(ge=0)] = 0
    choice: LayerChoice = "first"
    rate: Positive = 3e-4
    epochs: Count = 6
    dropout: Share = 0.0
    unlabelled: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True, config=_STRICT)
class PruneConfig:
    """What each layer of a trained student is cut to, and how the student is taught on.

    `heads` and `feed_forward` 0 keep all attention heads and feed-forward neurons; what is needed
    least is told from so many `batches`. `unlabelled` is as for the student.
    """

    heads: Annotated[int, Field(ge=0)] = 0
    feed_forward: Annotated[int, Field(ge=0)] = 0
    batches: Count = 100
    rate: Positive = 3e-4
    epochs: Count = 6
    unlabelled: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True, config=_STRICT)
class BlendConfig:
    """Whether a linear model is trained beside the encoder and served with it (model.blend).

    It is read only if some head gains more than `worth` by it: nats, in the mean log-likelihood
    of a development label.
    """

    linear: bool = False
    worth: Weight = 0.0


@dataclass(frozen=True, config=_STRICT)
class EncoderConfig:
    """A whole run; `prune` are the cuts of the student, one after the other."""

    model: ModelConfig = field(default_factory=ModelConfig)
    batch: BatchConfig = field(default_factory=BatchConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    noise: NoiseShare = field(default_factory=NoiseShare)
    distil: DistilConfig = field(default_factory=DistilConfig)
    student: StudentConfig = field(default_factory=StudentConfig)
    prune: tuple[PruneConfig, ...] = ()
    blend: BlendConfig = field(default_factory=BlendConfig)
    run: RunConfig = field(default_factory=RunConfig)


_ADAPTER = TypeAdapter(EncoderConfig)


def parse(values: dict[str, Any], *, name: str) -> EncoderConfig:
    """Check plain values. Raises InputError naming the key and what it should be."""
    try:
        return _ADAPTER.validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(first["msg"], field=f"{name}: {key}") from error


def load(path: Path = DEFAULT, **overrides: Any) -> EncoderConfig:
    """Read a TOML file; `overrides` are dotted keys with __ for the dot (optimiser__epochs=3).

    Raises FileFormatError for a file that is not TOML, InputError for a key or value.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileFormatError(f"expected a TOML file: {error}", field=str(path)) from error
    for key, value in overrides.items():
        section, _, name = key.partition("__")
        values.setdefault(section, {})[name] = value
    return parse(values, name=path.name)


def check_heads(config: EncoderConfig, heads: set[str]) -> None:
    """Raises InputError where a loss weight names a head that the taxonomy does not have."""
    if unknown := sorted(set(config.loss.heads) - heads):
        raise InputError(
            f"expected heads of the taxonomy ({', '.join(sorted(heads))}), got {unknown[0]}",
            field="loss.heads",
        )


def as_dict(config: EncoderConfig) -> dict[str, Any]:
    """The resolved configuration as plain values."""
    return dataclasses.asdict(config)  # type: ignore[call-overload, no-any-return, unused-ignore]


def dump(config: EncoderConfig) -> str:
    """The resolved configuration as TOML that `load` reads back."""
    return "\n".join(_tables(as_dict(config)))


def _tables(values: dict[str, Any], prefix: str = "") -> list[str]:
    lines = [f"{k} = {json.dumps(v)}" for k, v in values.items() if not isinstance(v, dict | tuple)]
    for key, table in values.items():
        if isinstance(table, dict):
            lines += [f"[{prefix}{key}]", *_tables(table, f"{prefix}{key}."), ""]
        for each in table if isinstance(table, tuple) else ():
            lines += [f"[[{prefix}{key}]]", *_tables(each), ""]
    return lines
