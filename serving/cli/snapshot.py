"""`suda snapshot make|list|show|verify|freeze`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table

from data.errors import SnapshotError
from data.exchange.formats import read
from data.exchange.judgement import Judgement, Refused, gathered
from data.exchange.row import Defaults
from data.exchange.values import time_of
from data.labelled import load_labelled
from data.snapshot import heldout as held
from data.snapshot import store
from data.snapshot.make import Options
from data.snapshot.make import make as make_snapshot
from data.snapshot.record import Feedback
from data.taxonomy.load import DEFAULT_PATH
from data.taxonomy.load import load as load_taxonomy
from data.taxonomy.schema import Taxonomy
from serving.cli.console import err, out, progress
from serving.cli.store import store as open_store
from serving.cli.train import CORPUS
from serving.store import label_texts

app = typer.Typer(no_args_is_help=True, help="Reviewed labels as immutable training sets.")

_Root = Annotated[Path, typer.Option(help="Directory of snapshots.")]
_Taxonomy = Annotated[Path, typer.Option(help="Taxonomy file.")]
_Heldout = Annotated[Path, typer.Option(help="Directory of registered evaluation sets.")]
ROOT = Path("var/snapshots")
HELDOUT = Path("var/heldout")


@app.command()
def make(
    base: Annotated[
        Path, typer.Option(help="Labelled texts to build on: file, directory or snapshot.")
    ] = CORPUS,
    since: Annotated[
        str | None, typer.Option(help="Only texts that got a record since, e.g. 2026-11-01.")
    ] = None,
    labels: Annotated[
        list[Path] | None,
        typer.Option(help="Files of labels with texts, in any format of `suda feedback import`."),
    ] = None,
    stored: Annotated[bool, typer.Option(help="Take the label records of the store.")] = True,
    who: Annotated[
        str | None, typer.Option(help="Who judged the --labels, where a row does not say.")
    ] = None,
    taxonomy: _Taxonomy = DEFAULT_PATH,
    heldout: _Heldout = HELDOUT,
    root: _Root = ROOT,
) -> None:
    """Make a snapshot of base and feedback and print its path.

    The latest adjudicated label holds, personal data is masked, and nothing that repeats a
    held-out text (the base's test split, the sets in --heldout) trains.
    """
    heads = load_taxonomy(taxonomy)
    parent = store.load(base) if store.is_snapshot(base) else None
    texts = load_labelled(base, heads)
    held.check_frozen(base, texts)
    feedback = _from_files(labels or [], heads, Defaults(who))
    with progress() as bar:
        bar.add_task("reading and comparing", total=None)
        if stored:
            with open_store() as (_, sessions), sessions() as session:
                feedback += label_texts.feedback(session, time_of(since, "--since"))
        # The shipped corpus is invented and an earlier snapshot masked: nobody's data is in them.
        clean = parent is not None or base.resolve().is_relative_to(CORPUS.resolve())
        snapshot = make_snapshot(
            feedback,
            texts,
            held.Heldout(held.registered(heldout)),
            root,
            taxonomy=heads,
            parent=parent,
            now=datetime.now(UTC),
            options=Options(mask_base=not clean),
        )
    err.print(f"[green]ok[/] {_line(snapshot)}", soft_wrap=True)
    for reason, n in snapshot.manifest.reasons().items():
        err.print(f"  left out, {reason}: {n}")
    out.print(str(snapshot.path), soft_wrap=True)


@app.command("list")
def list_(root: _Root = ROOT) -> None:
    """All snapshots, the oldest first."""
    table = Table(box=None, pad_edge=False)
    for column in ("id", "made", "parent", "train", "dev", "test", "feedback", "left out"):
        table.add_column(column)
    for snapshot in store.listed(root):
        m = snapshot.manifest
        figures = (m.counts.get(key, 0) for key in ("train", "dev", "test", "feedback"))
        made = f"{m.created_at.astimezone():%Y-%m-%d %H:%M}"
        table.add_row(m.id, made, m.parent or "", *map(str, figures), str(len(m.excluded)))
    out.print(table)


@app.command()
def show(
    snapshot: Annotated[str, typer.Argument(help="Id, or path.")],
    root: _Root = ROOT,
    text: Annotated[
        str | None, typer.Option(help="Where the labels of this text come from.")
    ] = None,
) -> None:
    """The manifest: counts, held-out sets, what was left out and why; or one text's lineage."""
    manifest = store.load(_path(snapshot, root)).manifest
    if text is None:
        content = manifest.model_dump(mode="json", exclude={"lineage", "excluded"})
        content["excluded"] = manifest.reasons()
    elif text in manifest.lineage:
        content = {head: d.model_dump(mode="json") for head, d in manifest.lineage[text].items()}
    else:
        left = [item.model_dump() for item in manifest.excluded if item.id == text]
        content = left[0] if left else {"id": text, "origin": "base, or not in this snapshot"}
    dumped = orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()
    out.print(dumped, markup=False, highlight=False, soft_wrap=True)


@app.command()
def verify(
    snapshots: Annotated[list[str] | None, typer.Argument(help="Ids or paths; none: all.")] = None,
    root: _Root = ROOT,
) -> None:
    """Check rows, manifest and name against their hashes; exit status 4 if any was changed."""
    paths = [_path(name, root) for name in snapshots or ()]
    paths = paths or [path for path in sorted(root.glob("*")) if path.is_dir()]
    bad = 0
    for path in paths:
        try:
            out.print(f"[green]ok[/] {_line(store.load(path))}", soft_wrap=True)
        except SnapshotError as error:
            bad += 1
            out.print(f"[red]changed[/] {error}", soft_wrap=True)
    if bad:
        raise typer.Exit(4)


@app.command()
def freeze(
    data: Annotated[Path, typer.Argument(help="Labelled texts that evaluate.")],
    name: Annotated[str, typer.Option(help="Name of the set.")],
    taxonomy: _Taxonomy = DEFAULT_PATH,
    heldout: _Heldout = HELDOUT,
) -> None:
    """Register an evaluation set, as hashes, so that none of its texts ever trains."""
    texts = load_labelled(data, load_taxonomy(taxonomy))
    path = held.register(heldout, name, texts)
    err.print(f"[green]ok[/] {len(texts)} texts → {path}", soft_wrap=True)


def _from_files(paths: list[Path], taxonomy: Taxonomy, defaults: Defaults) -> list[Feedback]:
    items: list[Judgement] = []
    for path in paths:
        for item in read(path, taxonomy, defaults):
            if isinstance(item, Refused):
                raise SnapshotError(f"line {item.line}: {item.message}", field=str(path))
            items.append(item)
    return gathered(items)


def _path(name: str, root: Path) -> Path:
    return Path(name) if Path(name).is_dir() else root / name


def _line(snapshot: store.Snapshot) -> str:
    sizes = ", ".join(f"{key} {n}" for key, n in snapshot.manifest.counts.items())
    return f"{snapshot.id}: {sizes}"
