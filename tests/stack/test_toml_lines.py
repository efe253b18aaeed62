"""Lines of keys in a TOML text."""

from __future__ import annotations

import pytest

from harness.stack.toml_lines import TomlLines

TEXT = """\
name = "x"

[roles.a]  # a comment
trust = "y"
"quoted key" = 1

[endpoint.production_variants."All.Traffic"]
a.b = 2
[[many]]
c = 3
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("name",), 1),
        (("roles", "a"), 3),
        (("roles", "a", "trust"), 4),
        (("roles", "a", "quoted key"), 5),
        (("endpoint", "production_variants", "All.Traffic", "a", "b"), 8),
        (("many", "c"), 10),
        (("many", 0, "c"), 10),
        (("roles", "a", "missing"), 3),
        (("nothing",), 1),
        ((), 1),
    ],
)
def test_the_line_of_a_key_or_of_the_table_around_it(place: tuple[str | int, ...], line: int) -> None:
    assert TomlLines(TEXT).line(place) == line
