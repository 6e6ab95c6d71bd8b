"""Steps are done once, and again when anything they rest on has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.retrain.steps import Output, Steps, digest, tree_digest


class Work:
    """Counts how often it is asked, and writes a file."""

    def __init__(self, path: Path, content: str = "a") -> None:
        self.path, self.content, self.times = path, content, 0

    def __call__(self) -> Output:
        self.times += 1
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "file").write_text(self.content, encoding="utf-8")
        return Output({"times": self.times, "pair": (1, 2)}, (self.path,))


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path / "run" / "out")


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def steps(tmp_path: Path, told: list[str]) -> Steps:
    return Steps(tmp_path / "run", told.append)


def test_a_finished_step_is_skipped(steps: Steps, work: Work, told: list[str]) -> None:
    first = steps.run("one", {"a": 1}, work)
    assert first == {"times": 1, "pair": [1, 2]}
    assert steps.run("one", {"a": 1}, work) == first
    assert (work.times, told) == (1, ["one"])


def test_it_is_done_again_for_other_inputs(steps: Steps, work: Work) -> None:
    steps.run("one", {"a": 1}, work)
    assert steps.run("one", {"a": 2}, work)["times"] == 2


def test_it_is_done_again_where_its_output_was_touched(steps: Steps, work: Work) -> None:
    steps.run("one", {}, work)
    (work.path / "file").write_text("b", encoding="utf-8")
    assert steps.run("one", {}, work)["times"] == 2
    (work.path / "file").unlink()
    assert steps.run("one", {}, work)["times"] == 3


def test_a_step_that_broke_off_leaves_no_record(steps: Steps) -> None:
    def broken() -> Output:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        steps.run("one", {}, broken)
    assert steps.record("one") is None
    assert steps.records() == []


def test_a_record_says_what_went_in_and_came_out(steps: Steps, work: Work) -> None:
    steps.run("one", {"snapshot": "x"}, work)
    record = steps.record("one")
    assert record is not None
    assert record.given == {"snapshot": "x"}
    assert record.made == {"out": tree_digest(work.path)}
    assert record.inputs == digest({"snapshot": "x"})
    assert record.seconds >= 0


def test_a_run_folder_may_be_moved(tmp_path: Path, steps: Steps, work: Work) -> None:
    steps.run("one", {}, work)
    (tmp_path / "run").rename(tmp_path / "moved")
    assert Steps(tmp_path / "moved").run("one", {}, work)["times"] == 1
    assert work.times == 1


def test_a_digest_minds_names_and_contents_not_key_order(tmp_path: Path) -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    one, other = tmp_path / "one", tmp_path / "other"
    for path, name in ((one, "x"), (other, "y")):
        path.mkdir()
        (path / name).write_text("same", encoding="utf-8")
    assert tree_digest(one) != tree_digest(other)
