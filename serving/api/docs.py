"""GET /docs: the API's description; no other host is asked for anything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse

PATH = "/docs"
FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png")
PATHS = frozenset({PATH, f"{PATH}/start.js", "/openapi.json", *(f"{PATH}/{f}" for f in FILES)})
# Swagger UI sets styles from its script, and draws its icons from data: URLs.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)

_PAGE = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>Suda 诉达 API</title>
<link rel="icon" href="{root}/docs/favicon.png">
<link rel="stylesheet" href="{root}/docs/swagger-ui.css"></head>
<body><div id="docs"></div>
<script src="{root}/docs/swagger-ui-bundle.js"></script>
<script src="{root}/docs/start.js"></script></body></html>
"""
_START = """SwaggerUIBundle({
  url: new URL("../openapi.json", document.currentScript.src).href,
  dom_id: "#docs",
  deepLinking: true,
});
"""


def install(app: FastAPI) -> None:
    """Add the page, its script, and Swagger UI's files as they come with fastapi-offline."""
    # Not imported: its modules would bring routes of their own.
    static = Path(str(files("fastapi_offline"))) / "static"

    async def page(request: Request) -> Response:
        html = _PAGE.format(root=request.scope.get("root_path", ""))
        return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})

    async def start() -> Response:
        return Response(_START, media_type="text/javascript")

    app.add_api_route(PATH, page, include_in_schema=False)
    app.add_api_route(f"{PATH}/start.js", start, include_in_schema=False)
    for name in FILES:
        app.add_api_route(f"{PATH}/{name}", _file(static / name), include_in_schema=False)


def _file(path: Path) -> Callable[[], Awaitable[Response]]:
    async def send() -> Response:
        return FileResponse(path, headers={"Cache-Control": "public, max-age=86400"})

    return send
