from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.errors import FileFormatError
from data.taxonomy.schema import Taxonomy
from eval.suite.config import for_taxonomy, load, parse
from eval.suite.names import METRICS, better, metric
from tests.conftest import two_labels
from tests.eval.suite_kit import suite


def test_the_shipped_suite_is_whole(taxonomy: Taxonomy) -> None:
    config = for_taxonomy(load(), taxonomy)
    assert config.name.startswith("suite@")
    named = {gate.metric for gate in config.metric}
    wanted = {"latency_ms", "size_mb", "variant", "leaked", "urgent_missed", "ece", "lead_right"}
    assert wanted <= named
    assert config.per_class
    assert config.per_slice
    assert config.behaviour
    urgent = [g for g in config.metric if g.metric == "urgent_missed" and g.max_loss is not None]
    assert [gate.max_loss for gate in urgent] == [0.0]
    assert next(g for g in config.metric if g.metric == "variant").max == 0


def test_figures_of_one_taxonomy_are_no_limit_for_another() -> None:
    config = for_taxonomy(load(), two_labels()[0])
    assert not [gate for gate in config.metric if gate.head is not None]
    assert {"accuracy", "macro_f1"} <= {gate.metric for gate in config.metric}
    assert len(config.metric) < len(load().metric)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"metric": [{"metric": "acuracy"}]}, "unknown metric 'acuracy'"),
        ({"metric": [{"metric": "accuracy", "mn": 0.5}]}, r"metric\.0\.mn"),
        ({"metric": [{"metric": "accuracy", "max_loss": -1}]}, r"metric\.0\.max_loss"),
        ({"metric": [{"metric": "size_mb", "head": "mood"}]}, "not a figure of a head"),
        ({"metric": [{"metric": "ece", "head": "a", "kind": "flat"}]}, "not both"),
        ({"per_class": [{"metric": "recall", "min": 2}]}, r"per_class\.0\.min"),
        ({"slices": {"min_texts": 0}}, r"slices\.min_texts"),
        ({"received_at": "2026-01-01T00:00:00"}, "offset"),
        ({"gate": []}, "gate"),
    ],
)
def test_an_error_names_file_and_key(table: dict[str, Any], said: str) -> None:
    with pytest.raises(FileFormatError, match=said) as caught:
        parse({"version": "1", **table}, name="my.toml")
    assert "my.toml" in str(caught.value)


def test_a_head_that_is_not_there_is_refused() -> None:
    config = suite(metric=[{"metric": "accuracy", "head": "modo"}])
    with pytest.raises(FileFormatError, match="expected one of mood"):
        for_taxonomy(config, two_labels()[0])


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="cannot be read"):
        load(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("version = ")
    with pytest.raises(FileFormatError, match="is not TOML"):
        load(tmp_path / "bad.toml")


def test_names() -> None:
    assert metric("level3") is not None
    assert metric("level0") is None
    assert better("level2") == "higher"
    assert better("ece") == "lower"
    with pytest.raises(KeyError):
        better("nothing")
    assert all(known.english and known.chinese for known in METRICS.values())
