"""``*`` and ``?``, ARNs part by part, and policy variables. Source: IAM user guide, Resource element and variables."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.access.rules.wildcards import ANY, STAR, arn_pattern, glob, matches, template
from tests.access.policies import ENDPOINT, allowed, policy, statement

BUCKET = "arn:aws:s3:::b"


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*", "", True),
        ("a*c", "abbbc", True),
        ("a*c", "abbb", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("*b*", "abc", True),
        ("a*?c*", "axbca", True),
        ("endpoint/*", "endpoint/a/b:c", True),
        ("[ab]", "a", False),
        ("a.c", "abc", False),
        ("a?c", "a\nc", True),
        ("", "a", False),
    ],
)
def test_star_and_question_mark(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text) is fits


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=12))
def test_as_a_regular_expression_would(pattern: str, text: str) -> None:
    expected = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    assert matches(pattern, text) == bool(re.fullmatch(expected, text))


@pytest.mark.parametrize("pattern", ["*a" * 1000 + "b", "?*" * 1000 + "b", "*?a" * 1000 + "b"])
@pytest.mark.timeout(5)
def test_a_thousand_wildcards_cost_bounded_time(pattern: str) -> None:
    """A backtracking matcher would need longer than the universe has."""
    assert not matches(pattern, "a" * 10_000)


@pytest.mark.parametrize(
    ("pattern", "arn", "fits"),
    [
        ("arn:aws:s3:::b/*", f"{BUCKET}/x/y", True),  # a star crosses slashes
        ("arn:aws:lambda:*:*:function:*", "arn:aws:lambda:us-east-1:1:function:f:live", True),  # and colons, in the end
        ("arn:aws:lambda:*:function:f", "arn:aws:lambda:us-east-1:1:function:f", False),  # but not from part to part
        ("arn:aws:s3", f"{BUCKET}/x", True),  # parts left out are stars
        ("arn:*:s3:::b", BUCKET, True),
        ("arn:aws:s3:::B", BUCKET, False),
        ("*:endpoint/dogs", ENDPOINT, True),  # no ARN: compared as a whole
        ("arn:aws:s3:::*", "*", False),
    ],
)
def test_a_resource_is_compared_part_by_part(pattern: str, arn: str, fits: bool) -> None:
    assert arn_pattern(pattern, variables=True, complete=True).fits(arn, arn.split(":", 5), {}) is fits


class TestVariables:
    def test_a_variable_takes_the_requests_value(self) -> None:
        own = policy(statement(action="s3:GetObject", resource=f"{BUCKET}/${{aws:username}}/*"))
        assert allowed(own, "s3:GetObject", f"{BUCKET}/ann/x", context={"aws:username": ("ann",)})
        assert not allowed(own, "s3:GetObject", f"{BUCKET}/bob/x", context={"aws:username": ("ann",)})

    def test_its_name_ignores_case(self) -> None:
        assert template("${AWS:UserName}", variables=True, wild=True).text({"aws:username": ("ann",)}) == "ann"

    @pytest.mark.parametrize("context", [{}, {"aws:username": ("ann", "bob")}])
    def test_a_variable_without_a_single_value_matches_nothing(self, context: dict[str, tuple[str, ...]]) -> None:
        own = policy(statement(action="s3:GetObject", resource=f"{BUCKET}/${{aws:username}}"))
        assert not allowed(own, "s3:GetObject", f"{BUCKET}/", context=context)
        assert not allowed(own, "s3:GetObject", f"{BUCKET}/${{aws:username}}", context=context)

    def test_a_default_stands_in(self) -> None:
        assert template("${aws:PrincipalTag/team, 'none'}/x", variables=True, wild=True).text({}) == "none/x"

    @pytest.mark.parametrize(("escaped", "char"), [("${*}", "*"), ("${?}", "?"), ("${$}", "$")])
    def test_escapes_are_plain_characters(self, escaped: str, char: str) -> None:
        pattern = arn_pattern(f"{BUCKET}/{escaped}", variables=True, complete=True)
        for text, fits in ((f"{BUCKET}/{char}", True), (f"{BUCKET}/x", False)):
            assert pattern.fits(text, text.split(":", 5), {}) is fits

    def test_the_older_version_has_no_variables(self) -> None:
        old = policy(statement(action="s3:GetObject", resource=f"{BUCKET}/${{aws:username}}"), version="2008-10-17")
        context = {"aws:username": ("ann",)}
        assert not allowed(old, "s3:GetObject", f"{BUCKET}/ann", context=context)
        assert allowed(old, "s3:GetObject", f"{BUCKET}/${{aws:username}}", context=context)

    @pytest.mark.parametrize("hostile", ["*", "?nn", STAR, ANY])
    def test_a_requests_value_is_never_a_wildcard(self, hostile: str) -> None:
        own = policy(statement(action="s3:GetObject", resource=f"{BUCKET}/${{aws:username}}"))
        assert not allowed(own, "s3:GetObject", f"{BUCKET}/ann", context={"aws:username": (hostile,)})

    def test_a_variable_with_a_colon_divides_no_arn(self) -> None:
        pattern = arn_pattern("arn:aws:iam::${aws:PrincipalAccount}:role/x", variables=True, complete=True)
        arn = "arn:aws:iam::1:role/x"
        assert pattern.fits(arn, arn.split(":", 5), {"aws:principalaccount": ("1",)})


@given(st.text(max_size=30), st.text(max_size=30))
def test_glob_never_fails(pattern: str, text: str) -> None:
    assert glob(pattern, text) in (True, False)
