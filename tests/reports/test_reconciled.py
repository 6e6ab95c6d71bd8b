"""Totals of every table, in every format, equal a count over the database."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from data.taxonomy.load import load
from serving.boards.filter import CaseFilter, parse
from serving.boards.period import parse as parse_period
from serving.boards.view import View
from serving.reports.definition import Definition, Outlets, Persons, definition_for
from serving.reports.document import document
from serving.reports.report import Report, canonical, of_json, to_json
from serving.reports.tables_zip import BOM, tables_zip
from serving.reports.workbook import HEAD_ROW, workbook
from serving.reports.writing import text
from serving.store.rows.cases import CaseRow
from tests.boards.kit import live_of, view_of
from tests.conftest import three_trees, two_labels
from tests.reports.kit import PERIOD, column, made


@pytest.fixture(scope="module")
def behind(engine: Engine, view: View) -> int:
    """Complaints received in the period, counted by the database itself."""
    period = parse_period(PERIOD)
    first, end = period.starts(view.zone), period.ends(view.zone)
    query = select(func.count()).select_from(CaseRow)
    with Session(engine) as session:
        found = session.scalar(query.where(CaseRow.received_at >= first, CaseRow.received_at < end))
    assert found
    return found


@pytest.fixture(scope="module")
def report(view: View) -> Report:
    """The quarter's report, made once."""
    return made(view)


def test_every_axis_adds_up_to_the_complaints_behind_it(report: Report, behind: int) -> None:
    assert report.head.cases == behind
    assert report.reconciled
    assert {check.table for check in report.checks} >= {
        "product", "reason", "channel", "source", "segment", "lead", "branch", "months",
        "product_reason", "product_branch", "limits_lead", "satisfaction",
    }  # fmt: skip
    assert all(check.total == behind for check in report.checks)


def test_counts_by_code_are_those_of_the_database(engine: Engine, view: View) -> None:
    period = parse_period(PERIOD)
    first, end = period.starts(view.zone), period.ends(view.zone)
    query = select(CaseRow.source, func.count()).group_by(CaseRow.source)
    with Session(engine) as session:
        counted = {
            code or "": n
            for code, n in session.execute(
                query.where(CaseRow.received_at >= first, CaseRow.received_at < end)
            )
        }
    rows = [row for row in made(view).table("source").rows if row.level == "plain"]
    assert {row.cells[0]: row.cells[2] for row in rows if row.cells[2]} == counted


def test_subtotals_are_the_sums_of_what_lies_below(report: Report) -> None:
    rows = report.table("product").rows
    for place, row in enumerate(rows):
        if row.level != "sub":
            continue
        below: list[int] = []
        for under in rows[place + 1 :]:
            if under.depth <= row.depth:
                break
            below += [int(under.cells[2] or 0)] if under.level == "plain" else []
        assert sum(below) == row.cells[2], row.key


def test_links_lead_to_as_many_complaints(view: View, report: Report) -> None:
    for table in report.tables:
        for row in table.rows:
            for place, query in row.links.items():
                wanted = parse(parse_qsl(query), view.zone)
                assert view.count(wanted).n == row.cells[place], (table.id, row.key, place)


def test_the_workbook_holds_the_same_numbers(report: Report, behind: int) -> None:
    book = load_workbook(io.BytesIO(workbook(report)))
    assert len(book.sheetnames) == len(report.tables) + 1
    for name, table in zip(book.sheetnames[1:], report.tables, strict=True):
        sheet = book[name]
        assert sheet.freeze_panes is not None
        heads = [cell.value for cell in sheet[HEAD_ROW]][: len(table.columns)]
        assert heads == [column.title for column in table.columns]
        for number, row in enumerate(table.rows, HEAD_ROW + 1):
            for place, cell in enumerate(row.cells, 1):
                held = sheet.cell(number, place).value
                if isinstance(cell, float):
                    assert held == pytest.approx(cell)
                else:
                    assert (held or None) == (cell or None) or held == cell
    notes = {row[0].value: row[1].value for row in book["说明"].iter_rows(max_col=2)}
    assert notes["受理件数"] == behind
    assert notes["规则包版本"] == "p"
    assert book["核对"].cell(HEAD_ROW + 1, 4).value == 0


def test_the_csv_holds_the_same_numbers(report: Report, behind: int) -> None:
    with zipfile.ZipFile(io.BytesIO(tables_zip(report))) as archive:
        names = archive.namelist()
        assert len(names) == len(report.tables) + 1
        for name, table in zip(names[1:], report.tables, strict=True):
            content = archive.read(name)
            assert content.startswith(BOM)
            rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
            assert rows[0][1:] == [column.title for column in table.columns]
            assert len(rows) == len(table.rows) + 1
            if table.adds_up is not None:
                place = table.adds_up + 1
                assert sum(int(row[place]) for row in rows[1:] if not row[0]) == behind
    assert tables_zip(report) == tables_zip(report)


def test_the_pdf_says_the_same_totals(report: Report, behind: int) -> None:
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(document(report))).pages]
    said = "".join(pages).replace("\n", "")
    assert report.head.title.replace(" ", "") in said.replace(" ", "")
    assert f"受理 {behind:,} 件" in said
    for table in report.tables:
        assert table.title.replace(" ", "") in said.replace(" ", ""), table.title
        total = [row for row in table.rows if row.level == "total"]
        for row in total:
            for cell, kind in zip(row.cells[:16], table.columns, strict=False):
                assert text(cell, kind, row) in said


def test_json_reads_back_as_the_same_report(report: Report) -> None:
    assert of_json(to_json(report)) == report
    assert canonical(of_json(to_json(report))) == canonical(report)


def test_a_narrowed_report_counts_only_that(view: View) -> None:
    narrowed = replace(view, base=CaseFilter().plus(branch="城东支行"))
    report = made(narrowed)
    rows = {row.key: row.cells[2] for row in made(view).table("branch").rows}
    assert report.head.cases == rows["城东支行"]
    assert report.reconciled


def test_natural_persons_and_others_are_all_customers(view: View, behind: int) -> None:
    summary = {row.key: row.cells[1] for row in made(view).table("summary").rows}
    assert summary["person"] + summary["corporate"] + summary["unknown"] == behind  # type: ignore[operator]
    assert summary["corporate"]


def test_the_period_before_and_the_comparison(view: View) -> None:
    now, before = made(view, "2026-10"), made(view, "2026-09")
    row = now.table("product").rows[-1]
    assert row.cells[4] == before.head.cases
    assert row.cells[5] == pytest.approx((now.head.cases - before.head.cases) / before.head.cases)


def test_no_records_are_not_no_complaints(view: View) -> None:
    early = made(view, "2020").table("product")
    known = {column.title: place for place, column in enumerate(early.columns)}
    for title in ("上期", "环比", "去年同期", "同比"):
        assert {row.cells[known[title]] for row in early.rows} == {None}
    assert early.rows[-1].cells[known["本期"]] == 0


def test_outlets_give_complaints_per_hundred(view: View, behind: int) -> None:
    outlets = Outlets(total=50, branches={"城东支行": 4})
    definition = definition_for(load()).model_copy(update={"outlets": outlets})
    report = made(view, definition=definition)
    assert report.table("outlets").rows[-1].cells[3] == pytest.approx(100 * behind / 50)


def test_what_is_not_defined_is_left_out_with_a_sentence(view: View) -> None:
    report = made(view, definition=Definition())
    left_out = {name for name, _ in report.omitted}
    assert left_out >= {"自然人与对公", "监管转办", "重复投诉", "每百网点投诉量"}
    assert "referrals" not in {table.id for table in report.tables}
    assert report.reconciled


@pytest.mark.parametrize("given", [two_labels, three_trees])
def test_any_taxonomy_has_its_report(view: View, given: object) -> None:
    """Heads without roles: their tables are missing, the others add up."""
    taxonomy, _ = given()  # type: ignore[operator]
    other = view_of(view.board, taxonomy)
    report = made(other, definition=definition_for(taxonomy))
    assert report.reconciled
    assert {"业务类别", "投诉原因", "紧急程度"} <= {name for name, _ in report.omitted}
    assert "product" not in {table.id for table in report.tables}
    assert report.head.cases == sum(column(report, "lead", "本期")) - report.head.cases


def test_merged_duplicates_are_counted_once(engine: Engine, view: View) -> None:
    facts = view.facts
    merged = facts.merged.copy()
    inside = made(view).head
    rows = view.between(*(parse_period(PERIOD).first, parse_period(PERIOD).end)).nonzero()[0][:3]
    merged[rows] = True
    marked = replace(facts, merged=merged, derived={})
    other = replace(view, board=replace(view.board, facts=marked, kept={}))
    once, each = made(other), made(other, merged=False)
    assert once.head.cases == inside.cases - 3
    assert each.head.cases == inside.cases
    assert once.head.merged == 3
    assert once.reconciled
    assert each.reconciled


def test_an_empty_store_has_an_empty_report(sqlite_url: str) -> None:
    for view in _empty(sqlite_url):
        report = made(view)
        assert report.head.cases == 0
        assert report.reconciled
        assert document(report).startswith(b"%PDF")
        assert load_workbook(io.BytesIO(workbook(report)))


def _empty(url: str) -> Iterator[View]:
    from serving.store.database import connect, migrate

    engine = connect(url)
    migrate(engine)
    yield view_of(live_of(engine).board(), load())
    engine.dispose()


def test_persons_named_otherwise_may_be_unknown(view: View) -> None:
    persons = Persons(corporate=["corporate"], otherwise="unknown")
    definition = definition_for(load()).model_copy(update={"persons": persons})
    report = made(view, definition=definition)
    summary = {row.key: row.cells[1] for row in report.table("summary").rows}
    assert summary["person"] == 0
