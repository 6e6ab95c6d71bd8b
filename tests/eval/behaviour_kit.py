"""A small suite over an invented taxonomy, and an answerer that reads the answer off the text."""

from __future__ import annotations

from pathlib import Path

from data.taxonomy.load import parse
from data.taxonomy.schema import Taxonomy
from eval.behaviours.answer import Answer, Label
from eval.behaviours.suite import Suite, load

ANIMALS = """
id: animals
version: "1"
title: Animals
heads:
  - name: kind
    kind: tree
    title: 种类
    labels:
      - {code: B, name: 鸟, children: [{code: B1, name: 鸡}, {code: B2, name: 鸭}]}
      - {code: F, name: 鱼}
  - name: hurry
    kind: ordinal
    title: 急缓
    labels: [{code: now, name: 立刻}, {code: soon, name: 尽快}, {code: later, name: 以后}]
"""


def animals() -> Taxonomy:
    """A tree and an ordinal head."""
    return parse(ANIMALS.encode(), name="animals")


def answer(text: str) -> Answer:
    """鸡, 鸭 and 鱼 name the kind, 家禽 only the branch; each ！ makes it more urgent."""
    taxonomy = animals()
    words = {"鸡": "B1", "鸭": "B2", "家禽": "B"}
    code = next((code for word, code in words.items() if word in text), "F")
    level = max(0, 2 - text.count("！"))
    hurry = taxonomy["hurry"].leaves[level]
    sure = 0.5 if "也许" in text else 0.9
    return Answer(
        labels={
            "kind": Label(code, taxonomy["kind"].path(code), sure),
            "hurry": Label("later", ("later",), 0.9),
        },
        urgency=hurry,
        flags=frozenset({"fire"} if "火" in text else ()),
        review="？" in text,
    )


def suite(folder: Path, body: str, flags: frozenset[str] = frozenset({"fire"})) -> Suite:
    """Write the capabilities `body` into a file and load it."""
    path = folder / "animals.yaml"
    path.write_text(f"taxonomy: animals\n{body}", encoding="utf-8")
    taxonomy = animals()
    return load(path, taxonomy, urgency=taxonomy["hurry"], flags=flags)


def one(test: str) -> str:
    """A file with one capability that has one list of tests, e.g. `minimum: [{…}]`."""
    return f"capabilities:\n  - id: barn\n    name: 谷仓\n    {test}\n"
