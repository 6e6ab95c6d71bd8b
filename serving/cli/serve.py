"""`suda serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from serving.api.app import create_app
from serving.cli.console import err
from serving.settings import Settings

_CURL = """curl -s http://{host}:{port}/v1/classify -H 'Content-Type: application/json' \\
  -d '{{"text": "手机银行转账五万八一直显示处理中，两天了对方没收到，客服只会说再等等"}}'"""


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    bundle: Annotated[Path | None, typer.Option(help="Model bundle to serve.")] = None,
) -> None:
    """Serve the HTTP API. Everything else is set by SUDA_* variables."""
    given = {"host": host, "port": port, "bundle": bundle}
    settings = Settings(**{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    app = create_app(settings)
    err.print(f"[bold]Suda 诉达[/] http://{settings.host}:{settings.port}  (API: /docs)")
    err.print(_CURL.format(host=settings.host, port=settings.port), highlight=False, soft_wrap=True)
    uvicorn.run(app, host=settings.host, port=settings.port, log_level="info", access_log=False)
