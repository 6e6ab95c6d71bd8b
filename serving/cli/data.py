"""`suda data check|agreement|label-errors|split`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from data.errors import MissingExtraError
from data.files import Row, read_rows, write_rows
from data.holdout import load_life, place
from data.labelled import load_labelled
from data.taxonomy.load import DEFAULT_PATH
from data.taxonomy.load import load as load_taxonomy
from eval.agreement import agreement as agree
from serving.cli import check
from serving.cli.console import err, out, progress
from serving.cli.train import CORPUS

app = typer.Typer(
    no_args_is_help=True, help="Check labelled texts before anything learns from them."
)

_Data = Annotated[Path, typer.Argument(help="Labelled file, or directory of JSONL.")]
_Taxonomy = Annotated[Path, typer.Option(help="Taxonomy file.")]


app.command("check")(check.check)


@app.command()
def agreement(
    first: Annotated[Path, typer.Argument(help="One labelling.")],
    second: Annotated[Path, typer.Argument(help="Another labelling of the same ids.")],
    taxonomy: _Taxonomy = DEFAULT_PATH,
    ids: Annotated[bool, typer.Option(help="List the ids that differ.")] = False,
) -> None:
    """Agreement and Cohen's kappa per head."""
    heads = load_taxonomy(taxonomy)
    found = agree(load_labelled(first, heads), load_labelled(second, heads), heads)
    table = _table("head", "texts", "agreement", "kappa", "lenient", "root")
    for name, item in found.items():
        figures = (item.observed, item.kappa, item.lenient, item.root)
        table.add_row(name, str(item.n), *(f"{value:.3f}" for value in figures))
    out.print(table)
    if ids:
        for name, item in found.items():
            out.print(f"{name}: {' '.join(item.differing)}", soft_wrap=True)


@app.command("label-errors")
def label_errors(
    data: _Data = CORPUS,
    taxonomy: _Taxonomy = DEFAULT_PATH,
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("label-errors.csv"),
    most: Annotated[int, typer.Option(help="How many to list.")] = 300,
) -> None:
    """Rank the labels most likely to be wrong, for a person to re-read."""
    try:
        from training.label_errors import suspects
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name} is not installed: pip install 'suda[train]'"
        ) from error
    heads = load_taxonomy(taxonomy)
    texts = load_labelled(data, heads)
    by_id = {item.id: item.text for item in texts}
    with progress() as bar:
        task = bar.add_task("fold", total=4)
        ranked = suspects(texts, heads, on_fold=lambda k: bar.update(task, completed=k))
    columns = ["id", "head", "label", "suggested", "score", "text"]
    rows = [
        {"id": s.id, "head": s.head, "label": s.label, "suggested": s.suggested}
        | {"score": round(s.score, 4), "text": by_id[s.id]}
        for s in ranked[:most]
    ]
    write_rows(output, rows, columns)
    err.print(f"{len(rows)} of {len(ranked)} → {output}")


@app.command()
def split(
    data: Annotated[Path, typer.Argument(help="Labelled JSONL file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="JSONL file to write.")],
    taxonomy: _Taxonomy = DEFAULT_PATH,
    life: Annotated[Path, typer.Option(help="Shares met in life.")] = CORPUS / "life.yaml",
) -> None:
    """Write every text's split (train, dev, test) and test views beside its labels.

    Splits already written hold; contrast groups stay together.
    """
    heads = load_taxonomy(taxonomy)
    shares = load_life(life)
    places = place(load_labelled(data, heads), heads[shares.head], shares)
    rows = []
    for row in read_rows(data):
        if isinstance(row, Row):
            where = places[str(row.values.get("id") or f"{data.stem}-{row.line}")]
            views = {"views": list(where.views)} if where.views else {}
            rows.append({**row.values, "split": where.split, **views})
    write_rows(output, rows, [])
    counted = Counter(row["split"] for row in rows)
    seen = Counter(view for row in rows for view in row.get("views", ()))
    err.print(f"{dict(counted)}, views {dict(seen)} → {output}")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
