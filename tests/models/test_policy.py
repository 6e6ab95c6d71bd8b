"""Other policies come in as models do."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from data.errors import PolicyError
from serving.models.errors import ModelRefusedError
from serving.models.switchboard import Switchboard
from serving.triage.policy import PolicySet, packs_for
from tests.models.kit import BAD, Ask, Models
from tests.models.test_swaps import swap


@pytest.fixture
def pack(board: Switchboard, tmp_path: Path) -> Path:
    """A copy of the packs, with everything reviewed."""
    taxonomy = board.lineup.champion.bare.taxonomy
    copy = Path(shutil.copytree(packs_for(taxonomy), tmp_path / "packs"))
    review = (copy / "review.yaml").read_text("utf-8")
    (copy / "review.yaml").write_text(review + "\n# another\n", "utf-8")
    return copy


def test_other_policies_hold_at_once_and_for_the_next_model(
    client: TestClient, board: Switchboard, models: Models, ask: Ask, pack: Path
) -> None:
    before = ask(BAD)["versions"]
    board.reload_policy(pack, who="李", why="stricter")
    after = ask(BAD, external_id="2")["versions"]
    assert after["model"] == before["model"]
    assert after["policy"] != before["policy"]
    assert f'policy="{after["policy"]}"' in client.get("/metrics").text
    swap(client, models.inverted)
    assert ask(BAD, external_id="3")["versions"]["policy"] == after["policy"]
    (entry,) = client.get("/v1/audit", params={"action": "policy.reload"}).json()["items"]
    assert before["policy"] in entry["details"]


def test_policies_that_are_wrong_change_nothing(board: Switchboard, ask: Ask, pack: Path) -> None:
    before = board.lineup
    (pack / "review.yaml").write_text("nonsense: 1", "utf-8")
    with pytest.raises(PolicyError, match=r"review\.yaml"):
        board.reload_policy(pack, who="李", why="stricter")
    policies = before.champion.bare.policies
    broken = tuple(replace(policy, router=None) for policy in policies.policies)  # type: ignore[arg-type]
    with pytest.raises(ModelRefusedError, match="no decision can be made"):
        board.reload_policy(PolicySet(policies.zone, broken), who="李", why="broken")
    assert board.lineup is before
    ask(BAD)
