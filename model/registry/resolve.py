"""Which bundle serves."""

from __future__ import annotations

from pathlib import Path

from data.taxonomy.schema import Taxonomy
from model import bundle
from model.registry.registry import Registry
from model.runtime import SHIPPED

DEFAULT = Path("var/models")


def resolve(chosen: Path | None, registry: Path = DEFAULT) -> Path:
    """The bundle that was chosen by hand, else the registry's champion, else the shipped one.

    Raises RegistryError or BundleError where the champion is not what was registered.
    """
    if chosen is not None:
        return chosen
    store = Registry(registry)
    champion = store.champion
    return store.bundle_of(champion) if champion else SHIPPED


def seed(store: Registry, taxonomy: Taxonomy, *, who: str, shipped: Path = SHIPPED) -> str | None:
    """Give an empty registry its first champion: the shipped bundle, if it answers these labels.

    Returns the champion, None where there is still none.
    """
    state = store.state()
    if state.champion is not None:
        return state.champion
    own, _ = bundle.read(shipped)
    if set(state.versions) <= {own.version} and _answers(own, taxonomy):
        why = "the bundle that came with the code"
        version = store.add(shipped, who=who, why=why)
        store.promote(version, who=who, why=why, force=True)
        return version
    return None


def answers(path: Path, taxonomy: Taxonomy) -> bool:
    """Whether a bundle's heads and leaves are those of a taxonomy."""
    return _answers(bundle.read(path)[0], taxonomy)


def _answers(manifest: bundle.Manifest, taxonomy: Taxonomy) -> bool:
    leaves = {name: head.leaves for name, head in manifest.heads.items()}
    return leaves == {head.name: list(head.leaves) for head in taxonomy.heads}
