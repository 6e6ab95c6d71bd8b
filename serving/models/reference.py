"""How a model sees the texts it was tuned on: kept in a file, made where there is none yet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson

from data.errors import FileFormatError
from data.labelled import load_labelled
from data.splits import partition
from model.classifier import Classifier
from model.profile import Profile, profile, see


def kept_reference(version: str, directory: Path) -> Profile | None:
    """The reference of a model, None where none was kept.

    Raises FileFormatError for a file that is no reference.
    """
    path = directory / f"{version}.json"
    if not path.is_file():
        return None
    try:
        return Profile.from_json(orjson.loads(path.read_bytes()))
    except (KeyError, TypeError, orjson.JSONDecodeError) as error:
        raise FileFormatError(
            "is no reference; delete it, it is made again", field=str(path)
        ) from error


def made_reference(
    classifier: Classifier, base: Path, on_text: Callable[[int], None] = lambda _: None
) -> Profile:
    """The reference anew: the dev split of what it was made of. Raises FileFormatError."""
    texts = partition(load_labelled(base, classifier.taxonomy))["dev"]
    return profile(see([item.text for item in texts], classifier, on_text))


def keep_reference(made: Profile, directory: Path) -> None:
    """Keep a reference for the next time. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{made.model}.json"
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(orjson.dumps(made.as_json()))
    temporary.replace(path)
