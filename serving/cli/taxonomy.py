"""`suda taxonomy show|check|import|derive`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.tree import Tree

from data.errors import InputError
from data.files import write_rows
from data.taxonomy.derive import Columns, derive, guess, read_columns
from data.taxonomy.load import DEFAULT_PATH, load
from data.taxonomy.overlay import overlay_file
from data.taxonomy.schema import Head
from serving.cli.console import err, out

app = typer.Typer(
    no_args_is_help=True, help="Look at, check and lay official codes over taxonomies."
)

_File = Annotated[Path, typer.Argument(help="Taxonomy file; default: the shipped JR/T 0169.")]


@app.command()
def show(
    file: _File = DEFAULT_PATH,
    head: Annotated[str | None, typer.Option(help="Only this head.")] = None,
    full: Annotated[bool, typer.Option(help="With definitions, notes and examples.")] = False,
) -> None:
    """Print the heads as trees."""
    taxonomy = load(file)
    out.print(f"[bold]{taxonomy.title}[/] {taxonomy.stamp} ({taxonomy.codes_status} codes)")
    for item in taxonomy.heads:
        if head in (None, item.name):
            out.print(_tree(item, full=full))


@app.command()
def check(file: _File = DEFAULT_PATH) -> None:
    """Check a taxonomy file and say what a person labelling by it would miss."""
    taxonomy = load(file)
    for head in taxonomy.heads:
        bare = [code for code in head.leaves if not head.by_code[code].definition]
        dull = [code for code in head.leaves if not head.by_code[code].examples]
        out.print(
            f"{head.name}: {head.kind}, {len(head.leaves)} leaves, depth {head.depth}"
            + (f"; no definition: {', '.join(bare)}" if bare else "")
            + (f"; no examples: {', '.join(dull)}" if dull else "")
        )
    out.print(f"[green]ok[/] {taxonomy.stamp}")


@app.command("import")
def import_codes(
    table: Annotated[Path, typer.Argument(help="CSV or XLSX with the columns head, from, to.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Taxonomy file to write.")],
    file: Annotated[Path, typer.Option(help="Taxonomy to lay the codes over.")] = DEFAULT_PATH,
) -> None:
    """Lay a bank's licensed code table over a taxonomy.

    The table must give every code of each head it touches exactly one official code; one that does
    not map one to one is refused and nothing is written.
    """
    taxonomy = overlay_file(file, table, output)
    err.print(f"[green]ok[/] {taxonomy.stamp} → {output}")


@app.command("derive")
def derive_from(
    table: Annotated[Path, typer.Argument(help="CSV, XLSX or JSONL with a text and its labels.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Taxonomy file to write.")],
    text: Annotated[str, typer.Option(help="Column of the text.")] = "text",
    label: Annotated[
        list[str] | None,
        typer.Option(help="Column of labels, as COLUMN or COLUMN=head; may be repeated."),
    ] = None,
    rows: Annotated[
        Path | None, typer.Option(help="Also write the rows under the names training reads.")
    ] = None,
    name: Annotated[str, typer.Option(help="Id of the taxonomy.")] = "own",
) -> None:
    """Make a taxonomy of a labelled table: each label column becomes a flat head.

    Without --label the column `label` is taken, else every column whose values repeat. Names and
    definitions can be written into the file afterwards; the codes must stay.
    """
    found, names = read_columns(table)
    columns = _columns(label, text) if label else guess(found, names, text)
    made = derive(found, columns, taxonomy_id=name, title=table.stem)
    renamed = text != "text" or any(column != head for column, head in columns.labels.items())
    if renamed and rows is None:
        raise InputError(
            "expected a file for the rows, whose columns get new names", field="--rows"
        )
    output.write_bytes(made.taxonomy)
    for head, counts in made.counts.items():
        listed = ", ".join(f"{code} {n}" for code, n in list(counts.items())[:12])
        err.print(f"{head}: {len(counts)} labels ({listed}{' …' if len(counts) > 12 else ''})")
    for column, why in made.ignored.items():
        err.print(f"[dim]{column}: {why}[/]")
    if rows:
        write_rows(rows, made.rows, list(dict.fromkeys(key for row in made.rows for key in row)))
    err.print(f"[green]ok[/] {load(output).stamp} → {output}{f', {rows}' if rows else ''}")


def _columns(labels: list[str], text: str) -> Columns:
    pairs = (label.partition("=") for label in labels)
    return Columns(text, {column: head or column for column, _, head in pairs})


def _tree(head: Head, *, full: bool) -> Tree:
    root = Tree(f"[bold]{head.name}[/] {head.title} ({head.kind})")
    nodes: dict[str | None, Tree] = {None: root}
    for label in head:
        official = f" = {label.official}" if label.official else ""
        line = f"[cyan]{label.code}{official}[/] {label.name}"
        if full:
            notes = (
                label.definition,
                *(f"+ {note}" for note in label.includes),
                *(f"- {note}" for note in label.excludes),
                *(f"「{example}」" for example in label.examples),
            )
            line += "".join(f"\n  [dim]{note}[/]" for note in notes if note)
        nodes[label.code] = nodes[label.parent].add(line)
    return root
