"""`suda data check|agreement|label-errors|split`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from data.files import Row, read_rows, write_rows
from data.holdout import load_life, place
from data.labelled import LabelledText, load_labelled
from data.taxonomy.load import DEFAULT_PATH
from data.taxonomy.load import load as load_taxonomy
from data.taxonomy.schema import Taxonomy
from eval.agreement import agreement as agree
from serving.cli.console import err, out, progress
from serving.cli.train import CORPUS, MissingExtraError

app = typer.Typer(
    no_args_is_help=True, help="Check labelled texts before anything learns from them."
)

_Data = Annotated[Path, typer.Argument(help="Labelled file, or directory of JSONL.")]
_Taxonomy = Annotated[Path, typer.Option(help="Taxonomy file.")]


@app.command()
def check(
    data: _Data = CORPUS,
    taxonomy: _Taxonomy = DEFAULT_PATH,
    against: Annotated[
        Path | None, typer.Option(help="Other texts that must not be repeated (e.g. held-out).")
    ] = None,
    similarity: Annotated[float, typer.Option(help="Near-duplicate from this on.")] = 0.5,
    personal: Annotated[bool, typer.Option(help="Also look for personal data.")] = True,
) -> None:
    """Say what is wrong with a set of labelled texts; exit status 4 if anything must be mended.

    Fails on near-duplicates, groups torn between splits and valid personal numbers; reports label
    counts, shared runs and the shape of the texts.
    """
    heads = load_taxonomy(taxonomy)
    texts = load_labelled(data, heads)
    others = load_labelled(against, heads) if against else []
    failures = _duplicates(texts, others, similarity)
    _runs(texts)
    _shapes(texts, others)
    _counts(texts, heads)
    if personal:
        failures += _personal(texts)
    if failures:
        raise typer.Exit(4)
    out.print(f"[green]ok[/] {len(texts)} texts")


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


def _duplicates(
    texts: Sequence[LabelledText], others: Sequence[LabelledText], similarity: float
) -> int:
    from data.quality.crossing import crossings
    from data.quality.duplicates import near_duplicates

    everything = [*texts, *others]
    with progress() as bar:
        task = bar.add_task("comparing", total=len(everything))
        pairs = near_duplicates(
            [item.text for item in everything],
            similarity,
            on_text=lambda n: bar.update(task, completed=n),
        )
    inside = [p for p in pairs if p.second < len(texts) and not _same_group(texts, p)]
    across = [p for p in pairs if p.first < len(texts) <= p.second]
    torn = crossings(texts, [p for p in pairs if p.second < len(texts)])
    out.print(
        f"near-duplicates (4-gram Jaccard ≥ {similarity}): {len(inside)} within, "
        f"{len(across)} with the other texts; {len(torn)} across splits"
    )
    for pair in (*inside, *across):
        ids = (everything[pair.first].id, everything[pair.second].id)
        out.print(f"  {pair.similarity} {ids[0]} ~ {ids[1]}")
    for crossing in torn:
        out.print(f"  {crossing.first} | {crossing.second}: {crossing.reason}")
    return len(inside) + len(across) + len(torn)


def _same_group(texts: Sequence[LabelledText], pair: object) -> bool:
    first, second = (texts[getattr(pair, side)].meta.get("group") for side in ("first", "second"))
    return first is not None and first == second


def _runs(texts: Sequence[LabelledText]) -> None:
    from data.quality.templates import RUN, shared_runs

    groups = [str(item.meta.get("group") or item.id) for item in texts]
    shared = shared_runs([item.text for item in texts], groups)
    touched = len({i for run in shared for i in run.texts})
    out.print(
        f"runs of {RUN} characters in 4 or more events: {len(shared)}, "
        f"in {touched / len(texts):.1%} of the texts"
    )
    for run in shared[:10]:
        out.print(f"  {len(run.texts)} × {run.skeleton}", highlight=False)


def _shapes(texts: Sequence[LabelledText], others: Sequence[LabelledText]) -> None:
    from data.quality.diversity import shape

    sets = {"texts": texts, "against": others} if others else {"texts": texts}
    sample = min(40_000, *(sum(len(t.text) for t in s) for s in sets.values()), 10**9)
    table = _table("set", "n", "length 5-95 %", "distinct 2/3/4", "opening", "no comma", "digits",
                   "masked", "!", "marks")  # fmt: skip
    for name, items in sets.items():
        s = shape([item.text for item in items], sample=sample)
        shares = (s.openings, s.no_comma, s.digits, s.masked, s.exclaiming, s.marks)
        table.add_row(
            name,
            str(s.texts),
            "/".join(map(str, s.lengths)),
            "/".join(f"{d:.3f}" for d in s.distinct),
            *(f"{value:.3f}" for value in shares),
        )
    out.print(table)


def _counts(texts: Sequence[LabelledText], taxonomy: Taxonomy) -> None:
    from data.quality.coverage import counts

    for head in taxonomy.heads:
        listed = [c for c in counts(texts, taxonomy) if c.head == head.name]
        line = ", ".join(f"{c.code} {c.texts}" for c in listed)
        out.print(f"{head.name}: {line}", highlight=False)


def _personal(texts: Sequence[LabelledText]) -> int:
    from data.pii.find import find

    bad = [
        (item.id, finding.kind)
        for item in texts
        for finding in find(item.text)
        if finding.valid and finding.kind in ("id_card", "bank_card")
    ]
    out.print(f"numbers that pass their checksum: {len(bad)}")
    for identity, kind in bad:
        out.print(f"  {identity} {kind}")
    return len(bad)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
