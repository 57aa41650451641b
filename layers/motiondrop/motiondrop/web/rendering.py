"""The templates of the pages, filled in. Every value is escaped there, since names come from other people."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

_FOLDER = Path(__file__).parent


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, **values: Any) -> str:
    """The template of that name, filled with these values; raise jinja2.TemplateError if one is missing."""
    return _environment().get_template(template).render(**values, asset=asset)


@cache
def asset(name: str) -> str:
    """The text of a file in `static/`."""
    return (_FOLDER / "static" / name).read_text()


@cache
def hash_of(name: str) -> str:
    """The hash by which a Content-Security-Policy allows that file within a page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(asset(name).encode()).digest()).decode()}'"
