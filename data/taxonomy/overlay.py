"""Lay a bank's licensed code table over a taxonomy, one to one.

The provisional codes stay what models, policies and stored decisions speak; every label gains the
official code beside its own, so that nothing has to be retrained or rewritten.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from data.errors import TaxonomyError
from data.files import BadRow, read_rows
from data.taxonomy.load import load, parse
from data.taxonomy.schema import Taxonomy

COLUMNS = ("head", "from", "to")


def overlay_file(taxonomy_path: Path, table: Path, output: Path) -> Taxonomy:
    """Write `taxonomy_path` with the official codes of `table` to `output`, and return it.

    `table` has the columns head, from, to (and optionally name, the official name).
    Raises TaxonomyError, and writes nothing, where the table leaves a code of a head out, names
    one twice or gives two codes one new code.
    """
    taxonomy = load(taxonomy_path)
    mapping = _read_table(table)
    for head, codes in mapping.items():
        _check(head, codes, taxonomy, table)
    document = yaml.safe_load(taxonomy_path.read_bytes())
    for head in document["heads"]:
        _recode(head["labels"], mapping.get(head["name"], {}))
    document["codes"] = "licensed"
    document["version"] = f"{document['version']}-licensed"
    raw = yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=110).encode()
    result = parse(raw, name=str(output))
    temporary = output.with_name(f".{output.name}.tmp")
    temporary.write_bytes(raw)
    temporary.replace(output)
    return result


def _read_table(table: Path) -> dict[str, dict[str, tuple[str, str | None]]]:
    mapping: dict[str, dict[str, tuple[str, str | None]]] = {}
    for row in read_rows(table):
        where = f"{table}:{row.line}"
        if isinstance(row, BadRow):
            raise TaxonomyError(row.message, field=where)
        values = [str(row.values.get(column, "")).strip() for column in COLUMNS]
        if not all(values):
            raise TaxonomyError(f"expected the columns {', '.join(COLUMNS)}", field=where)
        head, old, new = values
        codes = mapping.setdefault(head, {})
        if old in codes:
            raise TaxonomyError(f"{old} is mapped twice", field=where)
        name = row.values.get("name")
        codes[old] = (new, str(name).strip() if name else None)
    if not mapping:
        raise TaxonomyError("holds no row", field=str(table))
    return mapping


def _check(
    head: str, codes: dict[str, tuple[str, str | None]], taxonomy: Taxonomy, table: Path
) -> None:
    if head not in taxonomy:
        raise TaxonomyError(f"unknown head {head!r}", field=str(table))
    known = set(taxonomy[head].by_code)
    if missing := sorted(known - set(codes)):
        raise TaxonomyError(f"{head}: no new code for {', '.join(missing[:8])}", field=str(table))
    if unknown := sorted(set(codes) - known):
        raise TaxonomyError(f"{head}: no such code {', '.join(unknown[:8])}", field=str(table))
    counts = Counter(new for new, _ in codes.values())
    if doubled := sorted(code for code, n in counts.items() if n > 1):
        raise TaxonomyError(
            f"{head}: {', '.join(doubled[:8])} would stand for two codes", field=str(table)
        )


def _recode(nodes: list[dict[str, Any]], codes: dict[str, tuple[str, str | None]]) -> None:
    for node in nodes:
        if node["code"] in codes:
            node["official"], name = codes[node["code"]]
            node["name"] = name or node["name"]
        _recode(node.get("children", []), codes)
