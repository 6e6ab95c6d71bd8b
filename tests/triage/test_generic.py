"""Any taxonomy is served: no product, reason or urgency head, no rule, one department."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from data.errors import PolicyError
from data.records import Complaint
from data.taxonomy.load import parse
from data.text.normalise import normalise
from model.classifier import Prediction
from serving.triage.check import overview, table
from serving.triage.decide import decide
from serving.triage.explain import explain
from serving.triage.policy import PACKS, load, packs_for
from tests.triage.build import JRT, NOW, head_prediction, pets, taxonomy


def answer() -> Prediction:
    head = pets()["animal"]
    return Prediction({"animal": head_prediction(head, "cat", 0.8)}, (), False, 0.0)


def test_packs_are_chosen_by_taxonomy() -> None:
    assert packs_for(taxonomy()) == JRT
    assert packs_for(pets()) == PACKS / "generic"


def test_a_taxonomy_of_one_head_gets_a_whole_decision() -> None:
    policy = load(packs_for(pets()), pets()).at(NOW)
    text = "我要起诉你们的猫"
    case = Complaint(text=text, received_at=NOW)
    decision = decide(case, normalise(text), answer(), policy, pets(), audit_key="k")
    assert decision.urgency is None
    assert decision.flags == ()
    assert decision.routing.lead.code == "intake"
    assert [deadline.clock for deadline in decision.deadlines] == ["first_contact"]
    assert decision.policy == policy.stamp
    assert explain(case, normalise(text), policy, pets(), answer()).decision is not None
    assert overview(policy, pets()).combinations == 1
    assert table(policy, pets(), leaves_only=True)[0].lead == "intake"


def test_the_bank_pack_refuses_another_taxonomy() -> None:
    with pytest.raises(PolicyError, match=r"roles\.product"):
        load(JRT, pets())


def test_roles_name_heads_of_any_name(tmp_path: Path) -> None:
    raw = """
id: shop
version: "1"
title: 商店
heads:
  - {name: goods, kind: tree, title: 货, labels: [
      {code: food, name: 食品, children: [{code: bread, name: 面包}, {code: milk, name: 奶}]},
      {code: toys, name: 玩具}]}
  - {name: heat, kind: ordinal, title: 急, labels: [{code: hot, name: 急}, {code: cold, name: 缓}]}
""".encode()
    shop = parse(raw, name="shop.yaml")
    pack = tmp_path / "shop"
    shutil.copytree(PACKS / "generic", pack)
    (pack / "routing.yaml").write_text(
        "version: '1'\neffective: 2020-01-01\nroles: {product: goods, urgency: heat}\n"
        "routes:\n  - {id: food, when: {product: [food]}, lead: intake}\n"
        "  - {id: rest, lead: intake}\n",
        encoding="utf-8",
    )
    (pack / "rules.yaml").write_text(
        "version: '1'\neffective: 2020-01-01\nflags: [{code: fire, name: 火}]\n"
        "rules:\n  - {id: fire, name: 着火, level: hot, flags: [fire], patterns: ['着火']}\n",
        encoding="utf-8",
    )
    policy = load(pack, shop).at(NOW)
    heads = {
        "goods": head_prediction(shop["goods"], "milk"),
        "heat": head_prediction(shop["heat"], "cold"),
    }
    text = "店里着火了"
    case = Complaint(text=text, received_at=NOW)
    decision = decide(
        case, normalise(text), Prediction(heads, (), False, 0.0), policy, shop, audit_key="k"
    )
    assert decision.urgency is not None
    assert (decision.urgency.head, decision.urgency.code) == ("heat", "hot")
    assert decision.routing.rule == "food"
