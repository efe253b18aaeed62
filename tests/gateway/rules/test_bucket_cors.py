"""A bucket's CORS configuration. Facts: S3 user guide, "How Amazon S3 evaluates the CORS configuration on a bucket"."""

from __future__ import annotations

from typing import Any

import pytest

from harness.gateway.rules.bucket_cors import answer_headers, matching_rule, names_site

DOGS = {
    "AllowedOrigins": ["https://*.dogs.test", "http://localhost:3000"],
    "AllowedMethods": ["GET", "PUT"],
    "AllowedHeaders": ["x-amz-*", "Content-Type"],
    "ExposeHeaders": ["ETag", "x-amz-request-id"],
    "MaxAgeSeconds": 3000,
}
EVERYBODY = {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}


@pytest.mark.parametrize(
    ("origin", "method", "requested", "rule"),
    [
        ("https://a.dogs.test", "GET", [], DOGS),
        ("http://localhost:3000", "PUT", ["content-type", "X-Amz-Date"], DOGS),
        ("https://a.dogs.test.evil", "GET", [], EVERYBODY),
        ("https://adogs.test", "GET", [], EVERYBODY),
        ("http://a.dogs.test", "GET", [], EVERYBODY),
        ("https://a.dogs.test", "DELETE", [], None),
        ("https://a.dogs.test", "PUT", ["authorization"], None),
        ("https://cats.test", "PUT", [], None),
        ("https://cats.test", "get", [], None),
        ("null", "GET", [], EVERYBODY),
    ],
)
def test_the_first_rule_that_fits_origin_method_and_every_header(
    origin: str, method: str, requested: list[str], rule: dict[str, Any] | None
) -> None:
    assert matching_rule([DOGS, EVERYBODY], origin, method, requested) is rule


def test_the_browser_is_told_what_the_rule_says() -> None:
    assert answer_headers(DOGS, "https://a.dogs.test", ["X-Amz-Date"]) == [
        ("Access-Control-Allow-Origin", "https://a.dogs.test"),
        ("Access-Control-Allow-Methods", "GET, PUT"),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Allow-Headers", "x-amz-date"),
        ("Access-Control-Expose-Headers", "ETag, x-amz-request-id"),
        ("Access-Control-Max-Age", "3000"),
        ("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"),
    ]


def test_a_rule_for_everybody_allows_no_credentials() -> None:
    headers = dict(answer_headers(EVERYBODY, "https://cats.test"))
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in headers


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*", False), ("http*", False), ("http://*", False), ("*://*", False), ("*://evil.test", False),
        ("https://*.test", False), ("*.evil.test", False), ("http://*evil.test", False), ("http://e*", False),
        ("http://evil.test", True), ("http://*.evil.test", True), ("http://evil.test:*", True), ("null", True),
    ],
)  # fmt: skip
def test_a_pattern_that_many_sites_fit_names_none_of_them(pattern: str, names: bool) -> None:
    rule = {"AllowedOrigins": [pattern], "AllowedMethods": ["GET"]}
    origin = {"http://*.evil.test": "http://www.evil.test", "*.evil.test": "http://www.evil.test"}.get(
        pattern,
        "null" if pattern == "null" else "http://evil.test:80" if pattern.endswith(":*") else "http://evil.test",
    )
    assert names_site(rule, origin) == names
