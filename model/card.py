"""The model card (Mitchell et al. 2019, arXiv:1810.03993) of a bundle, from its manifest alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from model.bundle import Manifest

CARD = "MODEL_CARD.md"

_USE = """## Use

Triage of complaints in Chinese under the taxonomy named above, as one voice beside rules and
people: what is unsure goes to review, urgency is never answered below what the rules say, and
every answer shows the words that made it. Not for decisions about a customer, nor for texts of
another kind; the novelty score says when a text is unlike those it learnt from.

用途:按上述分类体系对中文投诉进行分派初判,与规则、人工复核配合使用。不用于对客户本人作出任何决定。
"""


def card(manifest: Manifest) -> str:
    """Markdown: what it is, what it learnt from, how well it answers, what it is not for."""
    return "\n".join(_lines(manifest)) + "\n"


def _lines(manifest: Manifest) -> Iterator[str]:
    yield from (
        f"# {manifest.version}",
        "",
        f"Kind: {manifest.kind}, taxonomy {manifest.taxonomy}.",
    )
    if layers := manifest.runtime.get("layers"):
        hidden, precision = manifest.runtime.get("hidden"), manifest.runtime.get("precision")
        most = manifest.runtime.get("max_tokens")
        inner = [
            f"{count} {what}"
            for key, what in (("attention_heads", "heads"), ("feed_forward", "neurons"))
            if (count := manifest.runtime.get(key))
        ]
        wide = f" ({', '.join(inner)} in each)" if inner else ""
        yield (
            f"Encoder: {layers} layers × {hidden}{wide}, {precision}, "
            f"reads up to {most} tokens whole."
        )
    yield from ("", _USE, "## Data", "")
    yield from (f"- {name}: {value}" for name, value in manifest.snapshot.items())
    yield from ("", "## Heads", "", *_heads(manifest), "", *_figures(manifest.metrics))
    yield from ("## Training", "", "```json")
    yield json.dumps(manifest.training, ensure_ascii=False, indent=1, default=str)
    yield "```"


def _heads(manifest: Manifest) -> Iterator[str]:
    yield "| head | kind | labels | temperature | reviewed below |"
    yield "|---|---|---|---|---|"
    for name, head in manifest.heads.items():
        figures = f"{head.temperature:.3f} | {head.review:.2f}"
        yield f"| {name} | {head.kind} | {len(head.leaves)} | {figures} |"


def _figures(metrics: Mapping[str, Any]) -> Iterator[str]:
    """A table per set of texts that was measured on; other figures stay in the manifest."""
    for where, heads in metrics.items():
        if not isinstance(heads, dict) or not all(isinstance(h, dict) for h in heads.values()):
            continue
        if not heads or not all("accuracy" in found for found in heads.values()):
            continue
        names = list(next(iter(heads.values())))
        yield from (f"## Figures on the {where} split", "")
        yield "| head | " + " | ".join(name.replace("_", " ") for name in names) + " |"
        yield "|---" * (len(names) + 1) + "|"
        for head, found in heads.items():
            yield f"| {head} | " + " | ".join(str(found.get(name, "")) for name in names) + " |"
        yield ""
