"""Templates to HTML: autoescaped, and an undefined name is an error instead of a blank."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from serving.web import formats
from serving.web.assets import shipped
from serving.web.sentences import chinese

TEMPLATES = Path(__file__).parent / "templates"
# Ends of script and comment in JSON inside of HTML, and the two line ends JavaScript knows alone.
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def json_in_html(value: Any) -> Markup:
    """A value as JSON that may stand inside of a <script type="application/json">."""
    text = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    for sign, escaped in _UNSAFE.items():
        text = text.replace(sign, escaped)
    return Markup(text)  # noqa: S704 - nothing in it can end the element


@pass_context
def _asset(context: Context, name: str) -> str:
    return f"{context.get('root', '')}{shipped().url(name)}"


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The environment of all pages."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(formats.FILTERS)
    found.filters["json"] = json_in_html
    found.filters["chinese"] = chinese
    found.globals["asset"] = _asset
    # Of all templates, and not imported by each: a block rendered by itself knows no imports.
    found.globals["ui"] = found.get_template("_macros.html").module
    return found


def render(template: str, context: Mapping[str, Any], block: str | None = None) -> str:
    """A whole template, or one of its blocks by name."""
    found = environment().get_template(template)
    if block is None:
        return found.render(context)
    return "".join(found.blocks[block](found.new_context(dict(context))))


def has_block(template: str, block: str) -> bool:
    """Whether a template itself has a block of that name."""
    return block in environment().get_template(template).blocks
