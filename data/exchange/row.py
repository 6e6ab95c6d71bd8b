"""The flat row that every format is translated to and from: one judgement, one column a head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data.errors import InputError, kind_of
from data.exchange.judgement import Judgement
from data.exchange.values import code_of, role_of, share_of, time_of, word_of
from data.snapshot.record import Role
from data.taxonomy.schema import Taxonomy

_FIELDS = ("id", "text", "source", "external_id", "who", "role", "decided_at", "bundle", "comment",
           "selection", "inclusion")  # fmt: skip
_KEPT = ("channel", "branch", "product_hint", "customer_segment", "received_at", "group")
_LONGEST_COMMENT = 4_000


@dataclass(frozen=True, slots=True)
class Defaults:
    """Who judged, and in what role, where a row does not say."""

    who: str | None = None
    role: Role = "review"


def columns(taxonomy: Taxonomy) -> list[str]:
    """All columns of an exported row, in order."""
    names = names_of(taxonomy)
    heads = [head.name for head in taxonomy.heads]
    first = [names["id"], names["text"], *heads]
    rest = [names[field] for field in _FIELDS if field not in ("id", "text")]
    kept = [column for column in _KEPT if column not in taxonomy]
    return [*first, *rest, *(f"model_{head}" for head in heads), *kept]


def names_of(taxonomy: Taxonomy) -> dict[str, str]:
    """Column of each of our fields; one that is also a head's name stands aside."""
    return {field: f"{field}_" if field in taxonomy else field for field in _FIELDS}


def row_of(item: Judgement, taxonomy: Taxonomy) -> dict[str, Any]:
    """A judgement as a row; what is not known has no column."""
    names = names_of(taxonomy)
    fields = {name: getattr(item, name) for name in _FIELDS}
    fields["decided_at"] = item.decided_at.isoformat() if item.decided_at else None
    row = {names[name]: value for name, value in fields.items()}
    row |= {f"model_{head}": code for head, code in item.model.items()}
    row |= {key: item.meta[key] for key in _KEPT if key in item.meta and key not in taxonomy}
    row |= dict(item.labels)
    order = columns(taxonomy)
    return {column: row[column] for column in order if row.get(column) is not None}


def judgement_of(row: Mapping[str, Any], taxonomy: Taxonomy, defaults: Defaults) -> Judgement:
    """A row as a judgement. Raises InputError naming the column."""
    names = names_of(taxonomy)
    got = {field: row.get(column) for field, column in names.items()}
    text = got["text"]
    if text is not None and (not isinstance(text, str) or not text.strip()):
        raise InputError(f"expected a text, got {kind_of(text)}", field=names["text"])
    who = word_of(got["who"], names["who"], 128) or defaults.who
    if who is None:
        raise InputError("expected who judged; name the person for the whole file", field="who")
    role = got["role"]
    return Judgement(
        labels=_labels(row, taxonomy),
        who=who,
        role=role_of(role, names["role"]) if role not in (None, "") else defaults.role,
        id=word_of(got["id"], names["id"], 128),
        text=text,
        source=word_of(got["source"], names["source"], 64),
        external_id=word_of(got["external_id"], names["external_id"], 128),
        decided_at=time_of(got["decided_at"], names["decided_at"]),
        model=_model(row, taxonomy),
        bundle=word_of(got["bundle"], names["bundle"], 128),
        comment=word_of(got["comment"], names["comment"], _LONGEST_COMMENT),
        selection=word_of(got["selection"], names["selection"], 64),
        inclusion=share_of(got["inclusion"], names["inclusion"]),
        meta={key: row[key] for key in _KEPT if row.get(key) and key not in taxonomy},
    )


def _labels(row: Mapping[str, Any], taxonomy: Taxonomy) -> dict[str, str]:
    found = {
        head.name: code_of(head, row[head.name])
        for head in taxonomy.heads
        if row.get(head.name) not in (None, "")
    }
    if not found and len(taxonomy.heads) == 1 and row.get("label") not in (None, ""):
        (head,) = taxonomy.heads
        found = {head.name: code_of(head, row["label"])}
    if not found:
        names = ", ".join(head.name for head in taxonomy.heads)
        raise InputError(f"expected a label in at least one of the columns {names}", field="labels")
    return found


def _model(row: Mapping[str, Any], taxonomy: Taxonomy) -> dict[str, str]:
    """What the model had said; a code the taxonomy no longer has says nothing."""
    said = {head.name: row.get(f"model_{head.name}") for head in taxonomy.heads}
    return {head: str(code) for head, code in said.items() if code in taxonomy[head].by_code}
