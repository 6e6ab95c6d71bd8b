"""Distil a fine-tuned teacher into a student of fewer layers, heads and neurons."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from data.errors import InputError
from data.labelled import LabelledText
from data.taxonomy.schema import Taxonomy
from model.bundle import sha256_of
from model.classifier import Floats
from model.encoder.network import HEADS, EncoderNetwork, EncoderOutput
from model.pretrained.importer import TOKENIZER
from training.encoder.config import DistilConfig, EncoderConfig, PruneConfig, check_heads
from training.encoder.finetune import Task, Trained
from training.encoder.layers import ATTENTION, choose_layers, depth, keep_layers
from training.encoder.loop import Callbacks, Objective
from training.encoder.losses import GoldLoss, divergence
from training.encoder.prune import importance_of, pruned
from training.encoder.targets import targets
from training.encoder.texts import Batch

# From texts to what the student should answer, (texts, leaves) per head.
Advise = Callable[[Sequence[str]], dict[str, Floats]]


@dataclass(frozen=True, slots=True)
class Cut:
    """The student at `start`, a run's model-best, without what `config` spares of it."""

    start: Path
    config: PruneConfig


def distil(
    teacher: Path,
    train: Sequence[LabelledText],
    unlabelled: Sequence[str],
    dev: Sequence[LabelledText],
    taxonomy: Taxonomy,
    config: EncoderConfig,
    folder: Path,
    *,
    resume: bool = False,
    callbacks: Callbacks | None = None,
    advise: Advise | None = None,
    cut: Cut | None = None,
) -> Trained:
    """Train a student of `config.model.layers` layers to answer as `teacher` does.

    `teacher` is the model-best folder of a run; the student starts from its layers and heads, or
    with `cut` from a student's of an earlier run.
    `unlabelled` texts are learnt from the teacher alone. `advise` gives the answers to learn where
    they are more than the teacher's own (those of a blend, say); it reads every text once, as it
    is, also where noise changes what the student reads. Raises InputError where the teacher
    answers other heads, has too few layers, or is no run's model.
    """
    check_heads(config, set(taxonomy.by_name))
    master = _open(teacher, taxonomy)
    kept = choose_layers(depth(master.encoder), config.model.layers, config.model.choice)
    torch.manual_seed(config.run.seed)
    if cut is None:
        student = student_of(master, kept, config)
    else:
        student = student_of(_open(cut.start, taxonomy), range(len(kept)), config)
    extra = tuple(LabelledText(f"unlabelled-{i}", text, {}) for i, text in enumerate(unlabelled))
    task = Task(
        network=student,
        tokenizer=Tokenizer.from_file(str(teacher / TOKENIZER)),
        taxonomy=taxonomy,
        config=replace(config, model=replace(config.model, encoder=str(teacher))),
        texts=(*train, *extra),
        dev=tuple(dev),
        source=" ".join(map(_identity, [teacher, *([cut.start] if cut else [])])),
    )
    # Wherever its layers come from, each learns from one as deep in proportion.
    mapped = choose_layers(depth(master.encoder), config.model.layers, "spaced")
    said = _answers(advise, task, _identity(teacher), folder, resume) if advise else None
    guide = Teacher(master, mapped, said)
    if cut is not None:
        task = _pruned(task, distil_objective(task, guide), cut.config)
    objective = distil_objective(task, guide)
    return task.train(objective, folder, resume=resume, callbacks=callbacks)


def _pruned(task: Task, objective: Objective, config: PruneConfig) -> Task:
    """The same task for a network without the units that the objective needs least."""
    sample = task.epochs().batches(0)[: config.batches]
    importance = importance_of(task.network, (make() for make in sample), objective)
    network = pruned(task.network, importance, config.heads, config.feed_forward)
    return replace(task, network=network.train())


def _answers(
    advise: Advise, task: Task, teacher: str, folder: Path, resume: bool
) -> dict[str, Tensor]:
    """The answers to the task's texts; those of an interrupted run are read, not asked for anew."""
    texts = [item.text for item in task.texts]
    digest = hashlib.sha256("\0".join([teacher, *texts]).encode("utf-8", "surrogatepass"))
    path = folder / f"answers-{digest.hexdigest()[:16]}.npz"
    if not (resume and path.is_file()):
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            np.savez(file, **advise(texts))  # type: ignore[arg-type, unused-ignore]
        temporary.replace(path)
    with np.load(path, allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def _open(path: Path, taxonomy: Taxonomy) -> EncoderNetwork:
    if not (path / HEADS).is_file():
        raise InputError(f"expected a run's model-best with {HEADS}", field=f"teacher {path}")
    network = EncoderNetwork.load(path)
    sizes = {name: int(head.out_features) for name, head in network.heads.items()}  # type: ignore[arg-type, unused-ignore]
    wanted = {head.name: len(head.leaves) for head in taxonomy.heads}
    if sizes != wanted:
        raise InputError(f"answers heads {sizes}, expected {wanted}", field=f"teacher {path}")
    return network.eval()


def _identity(teacher: Path) -> str:
    return " ".join(sha256_of(file) for file in sorted(teacher.glob("*.safetensors")))


def student_of(
    teacher: EncoderNetwork, kept: Sequence[int], config: EncoderConfig
) -> EncoderNetwork:
    """A copy of the teacher with the layers `kept`, ready to train."""
    student = copy.deepcopy(teacher)
    keep_layers(student.encoder, kept)
    student.encoder.set_attn_implementation(ATTENTION)
    student.dropout.p = config.model.head_dropout
    for module in student.encoder.modules():
        if isinstance(module, nn.Dropout) and module.p:
            module.p = config.model.dropout
    return student.train()


@dataclass(frozen=True)
class Teacher:
    """A network that only answers. `layers[i]` is the layer that student layer i learns from.

    `said` has the answers to all texts, (texts, leaves) per head, where they are known beforehand.
    """

    network: EncoderNetwork
    layers: Sequence[int]
    said: dict[str, Tensor] | None = None

    def __call__(self, batch: Batch) -> EncoderOutput:
        """Read a batch, without a gradient."""
        with torch.no_grad():
            return self.network(batch.ids, batch.mask)  # type: ignore[no-any-return, unused-ignore]

    def logits(self, batch: Batch) -> dict[str, Tensor] | None:
        """The known answers to a batch."""
        return {name: v[batch.rows] for name, v in self.said.items()} if self.said else None

    def states(self, output: EncoderOutput) -> tuple[Tensor, ...]:
        """The embedding's and the mapped layers' outputs."""
        return (output.hidden_states[0], *(output.hidden_states[i + 1] for i in self.layers))


def distil_objective(task: Task, teacher: Teacher) -> Objective:
    """Divergence of logits, distance of hidden states and the gold loss, per text."""
    config: DistilConfig = task.config.distil
    gold = GoldLoss(
        targets(task.texts, task.taxonomy, task.config.loss), task.taxonomy, task.config.loss
    )

    def objective(batch: Batch) -> Tensor:
        known = teacher.logits(batch)
        # Reading is a third of the work; known answers spare it where no state is compared.
        read = teacher(batch) if known is None or config.hidden else None
        answer: EncoderOutput = task.network(batch.ids, batch.mask)
        wanted = known if known is not None else read.logits  # type: ignore[union-attr, unused-ignore]
        loss = config.logits * divergence(answer.logits, wanted, config.temperature)
        if config.hidden and read is not None:
            apart = distance(answer.hidden_states, teacher.states(read), batch.mask)
            loss = loss + config.hidden * apart
        if config.gold:
            loss = loss + config.gold * gold(answer.logits, batch.rows)
        return loss

    return objective


def distance(student: Sequence[Tensor], teacher: Sequence[Tensor], mask: Tensor) -> Tensor:
    """Mean squared difference of layer-normalised states over layers and real tokens, (batch,)."""
    real = mask.float()
    parts = []
    for ours, theirs in zip(student, teacher, strict=True):
        width = (ours.shape[-1],)
        apart = layer_norm(ours.float(), width) - layer_norm(theirs.float(), width)
        parts.append(((apart**2).mean(dim=-1) * real).sum(dim=1) / real.sum(dim=1))
    return torch.stack(parts).mean(dim=0)
