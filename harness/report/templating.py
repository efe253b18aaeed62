"""Where the reports' templates come from, and what is the same in all of them."""

from __future__ import annotations

from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape

from harness.core import figures as text

_SHARED = "harness.report"


def render(template: str, package: str, **values: Any) -> str:
    """Render a template of a package, which may use the shared ones; HTML templates escape every value."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader(_SHARED)]),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(text=text, **values)
