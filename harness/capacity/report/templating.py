"""Where the reports' templates come from, and what is the same in all of them."""

from __future__ import annotations

from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape

from harness.capacity.report import text

_SHARED = "harness.capacity.report"


def render(template: str, package: str = _SHARED, **values: Any) -> str:
    """A template of a package, which may use this one's: in HTML what comes from outside is escaped."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader(_SHARED)]),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(text=text, **values)
