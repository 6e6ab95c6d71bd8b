"""What a board says in a sentence, and how its figures are drawn."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from serving.boards.deadlines import ClockBoard, Kept
from serving.boards.departments import Load
from serving.boards.estimates import wilson
from serving.boards.filter import CaseFilter
from serving.boards.health import Drift, HeadHealth, Health
from serving.boards.reviewers import Agreement, Reviewer, Reviewers
from serving.boards.trends import Bucket, Grid, Series, Step, Trend
from serving.boards.view import Count
from serving.review.kappa import Kappa
from serving.web import board_charts as charts
from serving.web.findings import agreed, fullest, growing, kept, moves, sound

MONDAY = date(2026, 6, 1)


def count(n: int) -> Count:
    return Count(n, CaseFilter())


def trend(*bands: tuple[str, list[int]], step: Step = "week") -> Trend:
    """Bands of counts, week by week."""
    weeks = range(len(bands[0][1]))
    first = [MONDAY + timedelta(weeks=week) for week in weeks]
    buckets = tuple(Bucket(f"{day:%m-%d} 周", day, day + timedelta(weeks=1)) for day in first)
    series = tuple(
        Series(name, name, tuple(map(count, counts)), count(sum(counts))) for name, counts in bands
    )
    totals = tuple(count(sum(counts[week] for _, counts in bands)) for week in weeks)
    return Trend("product", "产品", step, 0, buckets, series, totals)


def test_what_grows_is_named() -> None:
    found = trend(("甲", [9, 10, 11, 10, 10, 60, 3]), ("乙", [10, 9, 10, 11, 10, 9, 2]))
    first, second = moves(found)
    assert (first.usual, first.last.n, first.running.n, first.unlike) == (10.25, 60, 3, 1)
    assert second.unlike == 0
    assert second.change == pytest.approx(-0.1)
    assert growing(found, [first, second]) == (
        "上周受理 69 件，此前 4 周平均 20 件；增加最明显的是“甲”，60 件"
    )


def test_the_week_in_which_records_begin_is_not_compared_with() -> None:
    found = trend(("甲", [0, 0, 0, 1, 20, 21, 4]))
    (move,) = moves(found)
    assert move.usual == 20
    assert "没有哪一类明显增加" in growing(found, [move])


def test_without_a_history_nothing_is_claimed() -> None:
    found = trend(("甲", [0, 0, 0, 0, 0, 30, 4]))
    (move,) = moves(found)
    assert (move.usual, move.change, move.unlike) == (None, None, 0)
    assert growing(found, [move]) == "记录还不够长，暂不能比较"


def test_bars_begin_where_records_do_and_the_running_one_is_pale() -> None:
    found = trend(("甲", [0] * 12 + [5, 6, 7, 8, 9, 9, 9, 2]))
    assert charts.begins(found) == 12
    options = charts.bands(found)
    data = options["series"][0]["data"]
    assert len(data) == len(options["xAxis"]["data"]) == 8
    assert [("itemStyle" in item) for item in data] == [False] * 7 + [True]
    assert charts.begins(trend(("甲", [0] * 18 + [1, 2]))) == 12


def test_shades_are_none_only_where_nothing_is() -> None:
    cells = ((count(0), count(1)), (count(25), count(100)))
    named = (("a", "a"), ("b", "b"))
    assert charts.shades(Grid("甲", "乙", named, named, cells, count(126))) == [[0, 1], [3, 5]]
    empty = ((count(0),),)
    assert charts.shades(Grid("甲", "乙", named[:1], named[:1], empty, count(0))) == [[0]]


def load(name: str, open_: int, overdue: int) -> Load:
    return Load(name, name, count(open_), count(9), count(9), count(0), count(overdue), None)


def test_who_has_most_on_the_desk() -> None:
    assert fullest([load("甲部", 30, 0), load("乙部", 2, 1)]) == (
        "未办结 32 件，最多的是甲部，30 件；法定时限已逾期 1 件"
    )
    assert fullest([load("甲部", 1, 0)]).endswith("法定时限没有逾期")
    assert fullest([]) == "没有未办结的投诉"


def clock(name: str, in_time: int, late: int, overdue: int, *, statutory: bool) -> ClockBoard:
    whole = Kept(name, name, count(in_time), count(late), count(3), count(overdue))
    return ClockBoard(name, name, statutory, "", whole, (), ())


def test_the_worst_statutory_clock_is_named() -> None:
    clocks = [
        clock("答复", 90, 10, 0, statutory=True),
        clock("告知", 99, 0, 1, statutory=True),
        clock("派单", 1, 99, 9, statutory=False),
    ]
    assert kept(clocks) == "法定时限中按时率最低的是“答复”，90.0%；现有 1 件已逾期未完成"
    assert kept(clocks[2:]) == "所选时段没有可计算按时率的法定时限"


@pytest.mark.parametrize(
    ("observed", "said"),
    [
        (None, "1 人复核 7 件，尚无两人各自判断的投诉"),
        (1.0, "1 人复核 7 件；两人各自判断的都一致"),
        (0.8, "1 人复核 7 件；两人意见最不一致的是产品，一致率 80.0%"),
    ],
)
def test_how_far_two_people_agree(observed: float | None, said: str) -> None:
    kappa = None if observed is None else Kappa(10, observed, 0.7, None, None)
    people = (Reviewer("li", 7, 1, wilson(1, 7)),)
    found = Reviewers(people, (Agreement("product", "产品", kappa),), ((MONDAY, 7),))
    assert agreed(found) == said
    assert agreed(Reviewers((), (), ())) == "所选时段无人复核"


def test_how_sound_the_model_is() -> None:
    drawn = [
        HeadHealth(name, name, wilson(5, 9), count(5), count(9), wilson(hits, 20), ())
        for name, hits in (("产品", 2), ("原因", 5))
    ]
    drift = (Drift("source", "来源", 0.3, 90, 400),)
    found = Health(tuple(drawn), drift, (), count(3), count(9))
    assert (
        sound(found)
        == "据抽检，全部投诉中原因约 25.0%（11.2%–46.9%）需改动，各维度中最多；来件有明显变化：来源"
    )
    assert sound(Health((), (), (), count(0), count(0))).startswith("还没有随机抽检")
