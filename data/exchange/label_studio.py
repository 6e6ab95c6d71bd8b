"""Label Studio's JSON: a task per text, an annotation per judgement.

https://labelstud.io/guide/task_format and https://labelstud.io/guide/export
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from data.errors import InputError
from data.exchange.row import names_of
from data.taxonomy.schema import Head, Taxonomy

# Ours in an annotation: `meta` of a result is kept by the tool and given back.
_OURS = "suda"
_OF_TASK = ("id", "text", "source", "external_id", "channel", "branch", "product_hint",
            "customer_segment", "received_at", "group")  # fmt: skip


def tasks(rows: Sequence[Mapping[str, Any]], taxonomy: Taxonomy) -> list[dict[str, Any]]:
    """Rows as tasks, those of one text together."""
    by_text: dict[str, dict[str, Any]] = {}
    for row in rows:
        data = {key: row[key] for key in _OF_TASK if key in row and key not in taxonomy}
        name = str(row.get("id") or row.get("text"))
        task = by_text.setdefault(name, {"data": data, "annotations": []})
        task["annotations"].append({"result": list(_results(row, taxonomy))})
    return list(by_text.values())


def _results(row: Mapping[str, Any], taxonomy: Taxonomy) -> Iterator[dict[str, Any]]:
    heads = {head.name for head in taxonomy.heads}
    ours = {key: value for key, value in row.items() if key not in heads and key not in _OF_TASK}
    for head in taxonomy.heads:
        if head.name in row:
            code = row[head.name]
            kind, value = _value(head, code)
            yield {
                "from_name": head.name,
                "to_name": "text",
                "type": kind,
                "value": {kind: value},
                "meta": {_OURS: ours},
            }


def _value(head: Head, code: str) -> tuple[str, list[Any]]:
    return ("taxonomy", [list(head.path(code))]) if head.kind == "tree" else ("choices", [code])


def rows(content: Any, taxonomy: Taxonomy) -> Iterator[dict[str, Any] | InputError]:
    """Rows of an export, one per finished annotation, or why there is none."""
    if not isinstance(content, list):
        yield InputError("expected a list of tasks", field="json")
        return
    for task in content:
        if not isinstance(task, Mapping):
            yield InputError("expected a task", field="json")
        elif "annotations" in task or "completions" in task:
            yield from _of_task(task, taxonomy)
        else:
            yield _minimal(task, taxonomy)


def _of_task(task: Mapping[str, Any], taxonomy: Taxonomy) -> Iterator[dict[str, Any] | InputError]:
    data = task.get("data")
    found = task.get("annotations") or task.get("completions") or []
    done = [a for a in found if isinstance(a, Mapping) and not a.get("was_cancelled")]
    done = [a for a in done if isinstance(a.get("result"), list) and a["result"]]
    if not done or not isinstance(data, Mapping):
        yield InputError("holds no finished annotation", field="annotations")
        return
    for annotation in done:
        yield _of_annotation(data, annotation, taxonomy)


def _of_annotation(
    data: Mapping[str, Any], annotation: Mapping[str, Any], taxonomy: Taxonomy
) -> dict[str, Any]:
    names = names_of(taxonomy)
    row: dict[str, Any] = {**data}
    when = annotation.get("completed_at") or annotation.get("updated_at")
    row[names["decided_at"]] = when or annotation.get("created_at")
    row[names["who"]] = _person(annotation.get("completed_by"))
    for result in annotation["result"]:
        if isinstance(result, Mapping) and result.get("from_name") in taxonomy:
            row[result["from_name"]] = result.get("value")
            meta = result.get("meta")
            if isinstance(meta, Mapping) and isinstance(meta.get(_OURS), Mapping):
                row.update(meta[_OURS])
    return {key: value for key, value in row.items() if value is not None}


def _minimal(task: Mapping[str, Any], taxonomy: Taxonomy) -> dict[str, Any]:
    """The short form of an export (JSON-MIN): the columns beside each other."""
    names = names_of(taxonomy)
    row = dict(task)
    # The tool's own running number names no text of ours.
    row.pop("id", None)
    row.setdefault(names["who"], _person(row.get("annotator")))
    row.setdefault(names["decided_at"], row.get("updated_at") or row.get("created_at"))
    return {key: value for key, value in row.items() if value is not None}


def _person(value: Any) -> str | None:
    if isinstance(value, Mapping):
        value = value.get("email") or value.get("username") or value.get("id")
    return None if value is None else str(value)


def config(taxonomy: Taxonomy) -> str:
    """The labelling interface to paste into a Label Studio project."""
    body = "\n".join(_control(head) for head in taxonomy.heads)
    return f'<View>\n  <Text name="text" value="$text"/>\n{body}\n</View>\n'


def _control(head: Head) -> str:
    name = quoteattr(head.name)
    shown = f"  <Header value={quoteattr(head.title)}/>\n"
    if head.kind == "tree":
        inner = "\n".join(_choice(head, label.code, 2) for label in head if not label.parent)
        return f'{shown}  <Taxonomy name={name} toName="text">\n{inner}\n  </Taxonomy>'
    inner = "\n".join(_choice(head, label.code, 2) for label in head)
    return f'{shown}  <Choices name={name} toName="text" choice="single">\n{inner}\n  </Choices>'


def _choice(head: Head, code: str, depth: int) -> str:
    label = head.by_code[code]
    pad = "  " * depth
    start = f"{pad}<Choice alias={quoteattr(code)} value={quoteattr(f'{code} {label.name}')}"
    children = [child.code for child in head if child.parent == code]
    if not children:
        return f"{start}/>"
    inner = "\n".join(_choice(head, child, depth + 1) for child in children)
    return f"{start}>\n{inner}\n{pad}</Choice>"
