"""`suda serve`."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from serving.api.app import create_app
from serving.api.server import server
from serving.cli.console import err
from serving.cli.store import now
from serving.security.binding import is_loopback
from serving.security.keys import SCOPES
from serving.settings import Settings
from serving.store import keys
from serving.store.database import connect, migrate
from serving.telemetry.logs import configure

_CURL = """curl -s http://{host}:{port}/v1/classify -H 'Content-Type: application/json' \\
  {key}-d '{{"text": "手机银行转账五万八一直显示处理中，两天了对方没收到，客服只会说再等等"}}'"""

_FROM_ENVIRONMENT = '-H "Authorization: Bearer $SUDA_API_KEY" '
_DEVELOPMENT = timedelta(days=30)
# How long a thread that classifies may keep the event loop waiting for the interpreter. Python's
# own 5 ms, a few times in a row, would be all of the time in which a call is to be refused.
_SWITCH_SECONDS = 0.001


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    bundle: Annotated[Path | None, typer.Option(help="Model bundle to serve.")] = None,
) -> None:
    """Serve the HTTP API, in one process. Everything else is set by SUDA_* variables."""
    given = {"host": host, "port": port, "bundle": bundle}
    settings = Settings(**{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    configure(settings.log_format, settings.log_level)
    sys.setswitchinterval(_SWITCH_SECONDS)
    app = create_app(settings)
    key = development_key(settings)
    err.print(f"[bold]Suda 诉达[/] http://{settings.host}:{settings.port}  (API: /docs)")
    err.print(_curl(settings, key), highlight=False, markup=False, soft_wrap=True)
    server(app, settings).run()


def development_key(settings: Settings) -> str | None:
    """A key for everything, where no key was ever made and only this machine can listen.

    Never where SUDA_AUTH is set: a service behind a proxy on the same machine is to have it `on`.
    """
    if settings.auth is not None or not is_loopback(settings.host):
        return None
    engine = connect(settings.database_url, settings)
    try:
        migrate(engine)
        with Session(engine) as session, session.begin():
            if keys.count(session):
                return None
            wish = keys.Wish("development", frozenset(SCOPES), now() + _DEVELOPMENT)
            return keys.create(session, wish, "serve", now()).token
    finally:
        engine.dispose()


def _curl(settings: Settings, key: str | None) -> str:
    """A request that works, and where its key comes from."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    if settings.auth == "off":
        return _CURL.format(host=host, port=settings.port, key="")
    header = f"-H 'Authorization: Bearer {key}' " if key else _FROM_ENVIRONMENT
    curl = _CURL.format(host=host, port=settings.port, key=header)
    if key:
        return f"{curl}\ndevelopment key, shown this once: {key}"
    return f"{curl}\nkeys: `suda keys list`; another one: `suda keys create --scope intake`"
