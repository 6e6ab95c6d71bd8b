"""doccano's text classification: `{"text": …, "label": ["head:code", …]}`, one JSON a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.errors import InputError, kind_of
from data.exchange.values import code_of
from data.taxonomy.schema import Taxonomy


def line_of(row: Mapping[str, Any], taxonomy: Taxonomy) -> dict[str, Any]:
    """A row as doccano takes it; our other columns become its metadata and come back."""
    heads = [head.name for head in taxonomy.heads if head.name in row]
    rest = {key: value for key, value in row.items() if key not in (*heads, "id")}
    # doccano numbers its texts itself.
    ours = {"suda_id": row["id"]} if "id" in row else {}
    return {**rest, **ours, "label": [f"{head}:{row[head]}" for head in heads]}


def row_of(line: Mapping[str, Any], taxonomy: Taxonomy) -> dict[str, Any]:
    """A line of an export as a row. Raises InputError for a label that names no one code."""
    labels = line.get("label", line.get("labels"))
    if not isinstance(labels, list) or not labels:
        raise InputError(f"expected a list of labels, got {kind_of(labels)}", field="label")
    rest = {k: v for k, v in line.items() if k not in ("id", "label", "labels", "suda_id")}
    row = {**rest, "text": line.get("text", line.get("data"))}
    if line.get("suda_id") is not None:
        row["id"] = line["suda_id"]
    for label in labels:
        head, code = _split(label, taxonomy)
        if head in row:
            raise InputError("expected one label", field=head)
        row[head] = code
    return row


def _split(label: Any, taxonomy: Taxonomy) -> tuple[str, str]:
    name, mark, rest = str(label).partition(":")
    if mark and name in taxonomy:
        return name, code_of(taxonomy[name], rest)
    found = []
    for head in taxonomy.heads:
        try:
            found.append((head.name, code_of(head, label)))
        except InputError:
            continue
    if len(found) != 1:
        raise InputError(
            f"{str(label)[:64]!r} is the label of {len(found)} heads; write head:code",
            field="label",
        )
    return found[0]
