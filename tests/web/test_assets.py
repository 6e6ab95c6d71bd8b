"""Static files: named after their content, kept for ever, and as their makers wrote them."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from serving.web import rendering
from serving.web.assets import DIRECTORY, Assets, shipped
from tests.web import kit

VENDOR = DIRECTORY / "vendor"
LIST = (VENDOR / "VENDORED.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", LIST, re.M)
# What a second visit to any page may transfer, and a first one with its charts.
PAGE_LIMIT, FIRST_LIMIT = 300_000, 400_000


@pytest.mark.parametrize(("name", "digest"), ROWS)
def test_vendored_files_are_as_they_came(name: str, digest: str) -> None:
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest


def test_every_vendored_file_is_listed_with_its_licence() -> None:
    files = {path.name for path in VENDOR.iterdir()} - {"VENDORED.md"}
    assert files == {name for name, _ in ROWS}
    for name in ("htmx", "echarts", "zrender", "modern-normalize", "lucide"):
        assert (VENDOR / f"{name}.LICENSE").stat().st_size > 500


def test_every_file_answers_with_its_headers(web: TestClient) -> None:
    visitor = kit.visitor(web)
    for asset in shipped().by_name.values():
        answer = visitor.get(asset.path, **{"Accept-Encoding": "gzip"})
        assert answer.status_code == 200
        assert answer.content == asset.plain
        assert answer.headers["content-encoding"] == "gzip"
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"].split(";")[0] == asset.media_type
        again = visitor.get(asset.path, **{"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert gzip.decompress(asset.gzipped) == asset.plain


def test_without_gzip_it_comes_plain(web: TestClient) -> None:
    asset = shipped().by_name["suda.css"]
    answer = kit.visitor(web).get(asset.path, **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in answer.headers
    assert answer.content == asset.plain


@pytest.mark.parametrize(
    "name", ["suda.css", "../frame.py", "..%2fframe.py", "vendor/VENDORED.md", "suda.000.css"]
)
def test_nothing_else_is_there(web: TestClient, name: str) -> None:
    assert kit.visitor(web).get(f"/ui/static/{name}").status_code in (401, 404)


def test_a_changed_file_has_another_url_and_so_has_what_imports_it(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\n', encoding="utf-8")
    (tmp_path / "b.js").write_text("export const b = 1;\n", encoding="utf-8")
    before = Assets(tmp_path)
    (tmp_path / "b.js").write_text("export const b = 2;\n", encoding="utf-8")
    after = Assets(tmp_path)
    assert before.url("a.js") != after.url("a.js")
    name = after.url("b.js").rpartition("/")[2]
    assert f'from "./{name}"'.encode() in after.by_name["a.js"].plain


def test_scripts_import_what_there_is() -> None:
    for name, asset in shipped().by_name.items():
        if name.endswith(".js") and "/" not in name:
            for imported in re.findall(rb'from "\./([^"]+)"', asset.plain):
                assert f"/ui/static/{imported.decode()}" in shipped().by_path, name


def test_what_is_asked_for_is_there() -> None:
    for template in rendering.TEMPLATES.glob("*.html"):
        for name in re.findall(r"asset\('([^']+)'\)", template.read_text(encoding="utf-8")):
            assert name in shipped().by_name, template.name


def test_icons_that_are_named_are_drawn() -> None:
    drawn = set(re.findall(r'id="i-([a-z-]+)"', _read("_icons.svg")))
    named = set()
    for template in rendering.TEMPLATES.glob("*.html"):
        named |= set(re.findall(r'\.?icon\("([a-z-]+)"\)', _read(template.name)))
    assert named <= drawn
    assert {
        "queue",
        "complaints",
        "boards",
        "reports",
        "admin",
        "info",
        "good",
        "warn",
        "bad",
    } <= drawn


def _read(name: str) -> str:
    return (rendering.TEMPLATES / name).read_text(encoding="utf-8")


def test_pages_are_light_on_a_second_visit_and_bearable_on_a_first(web: TestClient) -> None:
    admin = kit.signed_in(web, "admin")
    page = admin.get("/ui/_styles")
    assert len(page.content) < PAGE_LIMIT
    asked = re.findall(r'(?:src|href|data-echarts)="(/ui/static/[^"]+)"', page.text)
    assert len(asked) >= 6
    assert sum(len(shipped().by_path[path].gzipped) for path in set(asked)) < FIRST_LIMIT


def test_no_script_makes_code_of_text() -> None:
    for name, asset in shipped().by_name.items():
        if name.endswith(".js") and not name.startswith("vendor/"):
            assert not re.search(
                rb"\beval\(|new Function|innerHTML|document\.write", asset.plain
            ), name
