"""A Hugging Face `datasets` directory, as `Dataset.save_to_disk` writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from data.errors import FileFormatError, MissingExtraError
from data.taxonomy.schema import Taxonomy

_MARKS = ("dataset_info.json", "dataset_dict.json")


def is_dataset(path: Path) -> bool:
    """Whether a directory holds a saved dataset or a dictionary of them."""
    return path.is_dir() and any((path / mark).is_file() for mark in _MARKS)


def save(
    path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], taxonomy: Taxonomy
) -> None:
    """Write rows; each head is a ClassLabel with the taxonomy's codes."""
    datasets = _library()
    heads = {head.name: list(head.by_code) for head in taxonomy.heads}
    kinds = {
        column: datasets.ClassLabel(names=heads[column])
        if column in heads
        else datasets.Value("float64" if column == "inclusion" else "string")
        for column in columns
    }
    content = {column: [row.get(column) for row in rows] for column in columns}
    datasets.Dataset.from_dict(content, features=datasets.Features(kinds)).save_to_disk(str(path))


def load(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of all splits, class numbers as their names. Raises FileFormatError."""
    datasets = _library()
    try:
        loaded = datasets.load_from_disk(str(path))
    except IndexError:
        # The library cannot read back what it wrote of an empty table.
        return
    except (OSError, ValueError) as error:
        raise FileFormatError(f"is not a saved dataset: {error}", field=str(path)) from error
    parts = loaded.values() if isinstance(loaded, datasets.DatasetDict) else [loaded]
    for part in parts:
        names = {
            column: kind
            for column, kind in part.features.items()
            if isinstance(kind, datasets.ClassLabel)
        }
        for row in part:
            yield {
                key: names[key].int2str(value) if key in names else value
                for key, value in row.items()
                if value is not None
            }


def _library() -> Any:
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError(
            "datasets is not installed: pip install 'suda[train]'", field="datasets"
        ) from error
    # Its bars would be drawn over ours.
    datasets.disable_progress_bars()
    return datasets
