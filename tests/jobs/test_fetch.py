from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest

from data.errors import InputError, TooLargeError
from serving.jobs.fetch import Allowed, fetched, name_of

LIMIT = 1 << 20


def content(url: str, allowed: Allowed, limit: int = LIMIT) -> bytes:
    with fetched(url, allowed, limit, None) as file:
        return file.stream.read()


def test_nothing_is_fetched_unless_allowed(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\n")
    with pytest.raises(InputError, match="none of the 0 prefixes in SUDA_JOB_URLS"):
        content(f"file://{tmp_path}/in.csv", Allowed.parse(""))


@pytest.mark.parametrize(
    "setting", ["https://files.bank", "/data/", "HTTPS://files.bank/", "http://a b/", "x", "::/"]
)
def test_a_prefix_that_says_less_than_it_seems_is_refused(setting: str) -> None:
    with pytest.raises(InputError, match="SUDA_JOB_URLS"):
        Allowed.parse(f"s3://bucket/in/, {setting}")


ALLOWED = Allowed.parse("https://files.bank/in/,file:///data/in/,s3://bucket/in/")


@pytest.mark.parametrize(
    "url",
    [
        "https://files.bank/out/a.csv",
        "https://files.bank/in/",
        "https://files.bank/in/../out/a.csv",
        "https://files.bank/in/%2e%2e/out/a.csv",
        "https://files.bank/in/%252e%252e/out/a.csv",
        "https://files.bank/in/..%2fout/a.csv",
        "https://files.bank/in\\..\\a.csv",
        "https://files.bank.evil/in/a.csv",
        "https://files.bank@evil/in/a.csv",
        "https://user@files.bank/in/a.csv",
        "http://files.bank/in/a.csv",
        "http://169.254.169.254/latest/meta-data",
        "https://files.bank/in/a.csv\r\nHost: evil",
        "simplecache::https://files.bank/in/a.csv",
        "file:///etc/passwd",
        "file:///data/in/../../etc/passwd",
        "file:///data/in/missing.csv",
        "/etc/passwd",
        "data:text/csv,text",
        "s3://bucket/other/a.csv",
    ],
)
def test_no_way_leads_around_the_prefixes(url: str) -> None:
    with pytest.raises(InputError, match="url: "):
        ALLOWED.check(url)


def test_a_link_does_not_lead_out_of_its_folder(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "secret.csv"
    inside.mkdir()
    outside.write_text("x")
    (inside / "link.csv").symlink_to(outside)
    (inside / "投诉 (1).csv").write_text("text\n")
    allowed = Allowed.parse(f"file://{tmp_path}/in/")
    with pytest.raises(InputError, match="no such file"):
        content(f"file://{inside}/link.csv", allowed)
    assert content(f"file://{inside}/投诉%20(1).csv", allowed) == b"text\n"


def test_a_file_is_fetched_and_not_more_than_allowed() -> None:
    with fsspec.open("memory://in/a.csv", "wb") as file:
        file.write(b"x" * 1000)
    allowed = Allowed.parse("memory://in/")
    assert content("memory://in/a.csv", allowed) == b"x" * 1000
    with pytest.raises(TooLargeError):
        content("memory://in/a.csv", allowed, 999)
    with pytest.raises(InputError, match="there is no such file"):
        content("memory://in/b.csv", allowed)


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/in/away"):
            self.send_response(302)
            self.send_header("Location", "/out/secret.csv")
            self.end_headers()
        elif self.path in ("/in/a.csv?signed=1", "/out/secret.csv"):
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"text\n")
        else:
            self.send_error(404)

    do_HEAD = do_GET  # noqa: N815 - the name is the library's

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_over_http_no_redirect_is_followed(site: str) -> None:
    pytest.importorskip("aiohttp")
    allowed = Allowed.parse(f"{site}/in/")
    assert content(f"{site}/in/a.csv?signed=1", allowed) == b"text\n"
    with pytest.raises(InputError, match="url: "):
        content(f"{site}/in/away.csv", allowed)
    with pytest.raises(InputError, match="no such file"):
        content(f"{site}/in/b.csv", allowed)


def test_a_name_gives_nothing_secret_away() -> None:
    assert name_of("https://files.bank/team/a%20b.csv?signature=abc") == "a b.csv"
