from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import FileFormatError, InputError
from training.encoder.config import (
    DEFAULT,
    EncoderConfig,
    as_dict,
    check_heads,
    dump,
    load,
    parse,
)


def test_the_commented_file_states_the_defaults() -> None:
    assert load(DEFAULT) == EncoderConfig()


def test_every_key_is_in_the_commented_file() -> None:
    written = DEFAULT.read_text(encoding="utf-8")
    for section, values in as_dict(EncoderConfig()).items():
        assert f"[{section}]" in written
        for key in values:
            assert f"\n{key} =" in written or f"[{section}.{key}]" in written, key


def test_what_is_saved_reads_back(tmp_path: Path) -> None:
    config = parse(
        {"loss": {"heads": {"product": 1.5}}, "noise": {"share": 0.5, "options": {"typos": 0.1}}},
        name="x",
    )
    (tmp_path / "c.toml").write_text(dump(config), encoding="utf-8")
    assert load(tmp_path / "c.toml") == config


def test_overrides_win() -> None:
    assert load(DEFAULT, optimiser__epochs=2).optimiser.epochs == 2


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"model": {"layer": 3}}, "model.layer"),
        ({"optimiser": {"rate": 0}}, "optimiser.rate"),
        ({"optimiser": {"epochs": "many"}}, "optimiser.epochs"),
        ({"loss": {"regulariser": "magic"}}, "loss.regulariser"),
        ({"train": {}}, "train"),
    ],
)
def test_a_wrong_key_or_value_is_named(values: dict[str, object], field: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(values, name="encoder.toml")
    assert caught.value.field == f"encoder.toml: {field}"


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("rate: 1")
    with pytest.raises(FileFormatError, match=r"c\.toml"):
        load(tmp_path / "c.toml")


def test_a_weight_for_an_unknown_head_is_refused() -> None:
    config = parse({"loss": {"heads": {"mood": 2}}}, name="x")
    check_heads(config, {"mood"})
    with pytest.raises(InputError, match="mood"):
        check_heads(config, {"product"})


@pytest.mark.parametrize("path", sorted(DEFAULT.parent.glob("*.toml")), ids=lambda path: path.stem)
def test_each_configuration_that_is_kept_can_be_read(path: Path) -> None:
    assert load(path)
