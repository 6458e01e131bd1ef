"""Pages from templates: every value is escaped, a name that is missing is an error."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template


@lru_cache
def template(package: str, name: str) -> Template:
    """The template ``name`` in the folder ``templates`` of ``package``."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # heavy: only here

    templates = resources.files(package) / "templates"
    environment = Environment(
        loader=FunctionLoader(lambda name: (templates / name).read_text("utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
