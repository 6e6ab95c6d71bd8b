"""Continued masked-language pretraining on unlabelled text of the domain."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu
from transformers import PreTrainedModel

from data.errors import InputError
from model.pretrained.importer import TOKENIZER, open_tokenizer
from training.encoder.checkpoint import RunFolder
from training.encoder.config import EncoderConfig, dump
from training.encoder.finetune import Trained
from training.encoder.layers import depth, open_encoder
from training.encoder.loop import Callbacks, Loop
from training.encoder.texts import Batch, Epochs, encoder_of

# BERT's: of the tokens, this share is guessed; of those most are masked, some random, some kept.
MASKED, RANDOM, KEPT = 0.15, 0.1, 0.1
_HELD_OUT = 0.05


class MaskedLanguageNetwork(nn.Module):
    """An encoder that guesses tokens; the output matrix is the embedding's own."""

    def __init__(self, encoder: PreTrainedModel) -> None:
        super().__init__()
        self.encoder = encoder
        hidden, pieces = int(encoder.config.hidden_size), int(encoder.config.vocab_size)
        self.dense = nn.Linear(hidden, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.bias = nn.Parameter(torch.zeros(pieces))

    def forward(self, ids: Tensor, mask: Tensor, chosen: Tensor) -> Tensor:
        """Logits of the tokens where `chosen` (batch, tokens) is true, (chosen, pieces)."""
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state[chosen]
        words = self.encoder.get_input_embeddings().weight
        return torch.as_tensor(self.norm(gelu(self.dense(states))) @ words.T + self.bias)


@dataclass(frozen=True, slots=True)
class Masking:
    """The mask's id, those of tokens that are never masked, and the number of pieces."""

    mask: int
    special: frozenset[int]
    pieces: int

    def hide(self, batch: Batch, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Ids with some tokens hidden, and which are to be guessed, both (batch, tokens)."""
        draw = torch.rand(batch.ids.shape, generator=generator)
        special = torch.isin(batch.ids, torch.tensor(sorted(self.special)))
        chosen = (draw < MASKED) & ~special & batch.mask.bool()
        kind = torch.rand(batch.ids.shape, generator=generator)
        random = torch.randint(self.pieces, batch.ids.shape, generator=generator)
        ids = batch.ids.clone()
        ids[chosen & (kind < 1 - RANDOM - KEPT)] = self.mask
        swapped = chosen & (kind >= 1 - KEPT)
        ids[swapped] = random[swapped]
        return ids, chosen


def pretrain(
    texts: Sequence[str],
    config: EncoderConfig,
    folder: Path,
    *,
    resume: bool = False,
    callbacks: Callbacks | None = None,
) -> Trained:
    """Go on pretraining `config.model.encoder` on raw texts; the last twentieth is held out.

    The result, `folder`/model-best, is an encoder like the one it began with. Its `score` is the
    accuracy of guessing held-out tokens. Raises InputError for a tokenizer without a mask token.
    """
    tokenizer = open_tokenizer(config.model.encoder)
    torch.manual_seed(config.run.seed)
    network = MaskedLanguageNetwork(open_encoder(config.model))
    masking = masking_of(tokenizer)
    held = max(1, int(len(texts) * _HELD_OUT))
    pad = int(network.encoder.config.pad_token_id or 0)
    encode = encoder_of(tokenizer, config.model.max_tokens)
    epochs, dev = (
        Epochs(part, encode, config.batch, pad=pad, seed=config.run.seed)
        for part in (texts[:-held], texts[-held:])
    )
    run = RunFolder(folder, _fingerprint(texts, config))
    run.prepare(dump(config), resume=resume)

    def save(path: Path) -> None:
        network.encoder.save_pretrained(path)
        tokenizer.save(str(path / TOKENIZER))

    history = Loop(
        network=network,
        depth=depth(network.encoder),
        data=epochs,
        objective=lambda batch: _loss(network, masking, batch),
        score=lambda: _score(network, masking, dev),
        save_model=save,
        config=config,
        folder=run,
        callbacks=callbacks or Callbacks(),
    ).run()
    return Trained(run.best, tuple(history))


def masking_of(tokenizer: Tokenizer) -> Masking:
    """What masking needs to know of a tokenizer."""
    for name in ("<mask>", "[MASK]"):
        if (found := tokenizer.token_to_id(name)) is not None:
            special = set(tokenizer.encode("").ids)
            return Masking(found, frozenset({found, *special}), tokenizer.get_vocab_size())
    raise InputError("expected a <mask> or [MASK] token", field="model.encoder")


def _loss(network: MaskedLanguageNetwork, masking: Masking, batch: Batch) -> Tensor:
    """Mean loss of a text's guessed tokens, (batch,)."""
    ids, chosen = masking.hide(batch)
    loss = cross_entropy(
        network(ids, batch.mask, chosen).float(), batch.ids[chosen], reduction="none"
    )
    per_token = torch.zeros(chosen.shape).masked_scatter(chosen, loss)
    return per_token.sum(dim=1) / chosen.sum(dim=1).clamp(min=1)


def _score(network: MaskedLanguageNetwork, masking: Masking, dev: Epochs) -> dict[str, float]:
    generator = torch.Generator().manual_seed(0)
    right = total = 0
    with torch.inference_mode():
        for make in dev.batches(0):
            batch = make()
            ids, chosen = masking.hide(batch, generator)
            guess = network(ids, batch.mask, chosen).argmax(dim=-1)
            right += int((guess == batch.ids[chosen]).sum())
            total += int(chosen.sum())
    return {"score": right / max(total, 1)}


def _fingerprint(texts: Sequence[str], config: EncoderConfig) -> str:
    plain = replace(config, run=replace(config.run, threads=0, save_every=1.0))
    digest = hashlib.sha256(dump(plain).encode())
    for text in texts:
        digest.update(f"\0{text}".encode())
    return digest.hexdigest()
