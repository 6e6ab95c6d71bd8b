"""Shared fixtures: small taxonomies and models trained in a second, and the real texts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from data.labelled import LabelledText, load_labelled
from data.taxonomy.load import load, parse
from data.taxonomy.schema import Taxonomy
from tests.databases import database_url, postgres_server, postgres_url, sqlite_url

__all__ = ["database_url", "postgres_server", "postgres_url", "sqlite_url"]

# Services started in tests run the model themselves; tests/workers has them run processes.
os.environ.setdefault("SUDA_PROCESSES", "0")

# No test is timed: an example that loads a dictionary first may take a second.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

REAL = Path(__file__).parents[2] / "shared" / "real" / "dev.jsonl"

TWO_LABELS = """
id: mood
version: "1"
title: Two labels
heads:
  - name: mood
    kind: flat
    title: 情绪
    labels:
      - {code: good, name: 好}
      - {code: bad, name: 坏}
"""

THREE_TREES = """
id: trees
version: "1"
title: Three trees
heads:
  - name: where
    kind: tree
    title: 地方
    labels:
      - {code: N, name: 北, children: [{code: N1, name: 北京}, {code: N2, name: 沈阳}]}
      - {code: S, name: 南, children: [{code: S1, name: 广州}, {code: S2, name: 海口}]}
  - name: what
    kind: tree
    title: 东西
    labels:
      - {code: F, name: 果, children: [{code: F1, name: 苹果}, {code: F2, name: 香蕉}]}
      - {code: G, name: 谷}
  - name: who
    kind: tree
    title: 人
    labels:
      - {code: P, name: 人, children: [{code: P1, name: 老师}, {code: P2, name: 医生}]}
      - {code: Q, name: 兽}
"""


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    """The shipped JR/T 0169 taxonomy."""
    return load()


@pytest.fixture(scope="session")
def real_texts(taxonomy: Taxonomy) -> list[LabelledText]:
    """Real complaints, which are never part of this repository."""
    if not REAL.exists():
        pytest.skip(f"the real development texts are not at {REAL}")
    return load_labelled(REAL, taxonomy)


def two_labels() -> tuple[Taxonomy, bytes]:
    """A flat head with two labels."""
    raw = TWO_LABELS.encode()
    return parse(raw, name="two"), raw


def three_trees() -> tuple[Taxonomy, bytes]:
    """Three trees of different depth."""
    raw = THREE_TREES.encode()
    return parse(raw, name="trees"), raw


MOODS = {
    "good": ["态度真好", "办事很快", "非常满意", "服务周到", "柜员耐心", "点个大赞"],
    "bad": ["态度恶劣", "排队太久", "乱扣我钱", "推来推去", "没人理我", "系统崩了"],
}


def mood_texts() -> list[LabelledText]:
    """A toy set that a linear model learns at once."""
    return [
        LabelledText(f"{code}{i}-{j}-{n}", f"{words}，{other}，{tail}", {"mood": code})
        for code, phrases in MOODS.items()
        for i, words in enumerate(phrases)
        for j, other in enumerate(phrases)
        for n, tail in enumerate(("昨天的事", "在城东", "就这样"))
    ]


def tree_texts() -> list[LabelledText]:
    """Texts that name their labels, for the three trees."""
    where = {"N1": "北京", "N2": "沈阳", "S1": "广州", "S2": "海口"}
    what = {"F1": "苹果", "F2": "香蕉", "G": "大米"}
    who = {"P1": "老师", "P2": "医生", "Q": "老虎"}
    return [
        LabelledText(
            f"{a}-{b}-{c}-{n}",
            f"{who[c]}在{where[a]}{tail}{what[b]}",
            {"where": a, "what": b, "who": c},
        )
        for a in where
        for b in what
        for c in who
        for n, tail in enumerate(("吃", "买了两斤", "卖", "看见一筐", "扔掉", "想念"))
    ]


Fit = Callable[[Taxonomy, bytes, list[LabelledText]], Path]


@pytest.fixture(scope="session")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Fit:
    """Train a linear bundle on given texts and return its path."""
    pytest.importorskip("sklearn", reason="training needs scikit-learn")
    from training.fit import Recipe, fit_linear
    from training.linear import LinearConfig

    def run(taxonomy: Taxonomy, raw: bytes, texts: list[LabelledText]) -> Path:
        target = tmp_path_factory.mktemp("bundles") / taxonomy.id
        recipe = Recipe(LinearConfig(min_texts=1))
        fit_linear(texts, taxonomy, raw, target, recipe)
        return target

    return run


@pytest.fixture(scope="session")
def mood_bundle(fit: Fit) -> Path:
    """A bundle for one flat head with two labels."""
    taxonomy, raw = two_labels()
    return fit(taxonomy, raw, mood_texts())


@pytest.fixture(scope="session")
def tree_bundle(fit: Fit) -> Path:
    """A bundle for three trees."""
    taxonomy, raw = three_trees()
    return fit(taxonomy, raw, tree_texts())


@pytest.fixture
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
