"""A decision for a person at a terminal, in Chinese."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from data.taxonomy.schema import Taxonomy

_STYLES = ("bold red", "bold dark_orange", "yellow", "blue")
_MARKS = ("bold cyan", "bold green", "bold magenta")


def show_decision(
    decision: dict[str, Any], text: str, taxonomy: Taxonomy, console: Console
) -> None:
    """Print the text with its evidence marked, then labels, routing, deadlines and review."""
    console.print(Panel(_marked(decision, text), title="投诉内容", border_style="dim"))
    console.print(_labels(decision, taxonomy))
    console.print(_facts(decision))
    if decision["deadlines"]:
        console.print(_deadlines(decision))


def _marked(decision: dict[str, Any], text: str) -> Text:
    marked = Text(text)
    for style, label in zip(_MARKS, decision["labels"].values(), strict=False):
        for span in label["evidence"]:
            marked.stylize(style, span["start"], span["end"])
    for flag in decision["flags"]:
        for span in flag["evidence"]:
            marked.stylize("underline", span["start"], span["end"])
    return marked


def _labels(decision: dict[str, Any], taxonomy: Taxonomy) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("标签轴", "结论", "把握", "依据", "其他可能"):
        table.add_column(column, overflow="fold")
    marks = iter([*_MARKS, *[""] * len(taxonomy.heads)])
    for name, label in decision["labels"].items():
        head = taxonomy[name]
        style = next(marks)
        if head.kind == "ordinal":
            style = _STYLES[min(head.rank(label["code"]), len(_STYLES) - 1)]
        titles = " › ".join(head.by_code[code].name for code in label["path"])
        rules = f"（规则：{'、'.join(label['rules'])}）" if label.get("rules") else ""
        table.add_row(
            head.title,
            Text(f"{label['code']} {titles}{rules}", style=style),
            f"{label['confidence']:.0%}",
            "、".join(span["text"] for span in label["evidence"]),
            "、".join(f"{a['name']} {a['confidence']:.0%}" for a in label["alternatives"][:2]),
        )
    return table


def _facts(decision: dict[str, Any]) -> Table:
    routing, review = decision["routing"], decision["review"]
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("敏感标记", _names(decision["flags"]))
    table.add_row("主办", Text(routing["lead"]["name"], style="bold"))
    table.add_row("协办", _names(routing["assisting"]))
    if routing["investigator"]:
        table.add_row("核实", routing["investigator"]["name"])
    table.add_row("抄送", _names(routing["copies"]))
    if routing["branch"]:
        table.add_row("属地机构", routing["branch"])
    needed = f"需要（{'、'.join(review['reasons'])}）" if review["needed"] else "不需要"
    table.add_row("人工复核", needed)
    return table


def _names(parties: list[dict[str, Any]]) -> str:
    return "、".join(party["name"] for party in parties) or "—"


def _deadlines(decision: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("时限", "到期", "依据"):
        table.add_column(column, overflow="fold")
    for clock in decision["deadlines"]:
        due = datetime.fromisoformat(clock["due_at"])
        unsure = "（节假日安排待公布）" if clock["provisional"] else ""
        table.add_row(clock["name"], f"{due:%Y-%m-%d %H:%M}{unsure}", clock["basis"])
    return table
