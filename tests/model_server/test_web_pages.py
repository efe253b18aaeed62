"""Which requests a web page in the user's browser may have sent.

Facts: Fetch standard (Origin header), Fetch Metadata Request Headers (Sec-Fetch-Site), RFC 9110 (Host).
"""

from __future__ import annotations

import ipaddress
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_server.web_pages import (
    CONTAINER,
    LOOPBACK,
    AllowedHosts,
    allowed_hosts,
    fault,
    foreign_origin,
    host_fault,
    is_own_page,
    referring_path,
)

OWN = allowed_hosts("127.0.0.1", ["harness", " Box.Example.ORG "], loopback=True)
labels = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=12).filter(
    lambda label: not label.isdigit()
)
names = st.lists(labels, min_size=1, max_size=4).map(".".join)
ports = st.sampled_from(["", ":80", ":4566", ":65535"])


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST:4566", "localhost.", "bucket.localhost:4566", "bucket.s3.localhost", "127.0.0.1:4566",
        "127.8.9.10", "[::1]:4566", "harness:4566", "bucket.harness", "box.example.org",
    ],
)  # fmt: skip
def test_loopback_and_the_users_own_names_may_be_called(host: str) -> None:
    assert host_fault([("host", host)], OWN) is None


@pytest.mark.parametrize(
    "host",
    [
        "[::ffff:127.0.0.1]:80", "[::ffff:7f00:1]", "evil.test:4566", "localhost.evil.test",
        "127.0.0.1.nip.io", "notlocalhost", "xharness", "harness.evil.test",
        "169.254.169.254", "10.0.0.1:4566", "0.0.0.0:4566", "[::2]", "", "localhost:4566:80", "evil@localhost",
        "localhost/", "localhost evil", "[localhost]", "2130706433", "0x7f000001", "localhost:999999",
    ],
)  # fmt: skip
def test_every_other_host_is_refused_with_a_sentence_that_says_what_to_do(host: str) -> None:
    sentence = host_fault([("host", host)], OWN)
    assert sentence is not None
    assert "call this port as localhost or 127.0.0.1, or allow the name with HARNESS_ALLOWED_HOSTS" in sentence


@given(names, ports)
def test_a_name_that_nobody_allowed_is_refused_whatever_it_is(name: str, port: str) -> None:
    loopback = name.lower().split(".")[-1] == "localhost"
    assert (host_fault([("host", name + port)], LOOPBACK) is None) == loopback
    assert host_fault([("host", name + port)], AllowedHosts(frozenset([name.lower()]))) is None
    assert host_fault([("host", f"sub.{name}{port}")], AllowedHosts(frozenset([name.lower()]))) is None


@given(st.ip_addresses(), ports)
def test_addresses_other_than_loopback_are_for_listeners_that_others_reach(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: str
) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)
    mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    assert (host_fault([("host", host + port)], LOOPBACK) is None) == (address.is_loopback and not mapped)
    assert host_fault([("host", host + port)], allowed_hosts("0.0.0.0", loopback=False)) is None


def test_a_request_has_one_host_or_is_no_browsers() -> None:
    assert host_fault([], LOOPBACK) is None
    assert host_fault([("host", "localhost"), ("host", "localhost")], LOOPBACK) is not None


@given(st.sampled_from(["http", "https"]), names, ports, names, ports)
def test_a_page_is_foreign_unless_its_origin_is_the_host(
    scheme: str, page: str, page_port: str, host: str, port: str
) -> None:
    headers = [("host", host + port), ("origin", f"{scheme}://{page}{page_port}")]
    same = (page + page_port).lower() == (host + port).lower()
    assert (foreign_origin(headers, LOOPBACK) is None) == same


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "http://localhost:3000",
        "http://127.0.0.1:3000",
        "http://127.0.0.1:80",
        "http://127.0.0.1",
        "file://",
        "http://127.0.0.1:4566.evil",
        "",
        "x",
    ],
)
def test_other_ports_files_and_frames_are_foreign(origin: str) -> None:
    for hosts in (LOOPBACK, OWN, CONTAINER, allowed_hosts("0.0.0.0", loopback=False)):
        assert foreign_origin([("host", "127.0.0.1:4566"), ("origin", origin)], hosts) == origin


def test_a_page_on_another_port_of_the_name_that_is_listened_at_is_foreign() -> None:
    hosts = allowed_hosts("box", loopback=False)
    assert host_fault([("host", "box:4566")], hosts) is None
    assert fault([("host", "box:4566"), ("origin", "http://box:3000")], hosts) is not None
    assert fault([("host", "box:4566"), ("origin", "http://box:4566")], hosts) is None


def test_the_page_of_a_proxy_that_the_user_allowed_is_not_foreign() -> None:
    headers = [("host", "127.0.0.1:4566"), ("origin", "https://4566.box.example.org")]
    assert fault(headers, OWN) is None
    assert fault(headers, LOOPBACK) is not None


@pytest.mark.parametrize(
    ("site", "foreign"),
    [("cross-site", True), ("same-site", True), ("odd", True), ("none", False), ("same-origin", False)],
)
def test_a_request_without_an_origin_is_judged_by_its_site(site: str, foreign: bool) -> None:
    """Images, scripts and links have no Origin."""
    headers = [("host", "localhost"), ("sec-fetch-site", site)]
    assert (fault(headers) is not None) == foreign


def test_a_browser_that_says_nothing_to_another_host_than_loopback_is_foreign_unless_it_refers_to_a_page_here() -> None:
    """Over plain HTTP Sec-Fetch-Site is sent to loopback only (Fetch Metadata: potentially trustworthy URLs)."""
    hosts = allowed_hosts("0.0.0.0", ["harness"], loopback=False)
    browser = ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)")
    for host in ("harness:4566", "192.0.2.2:4566"):
        assert fault([("host", host), browser], hosts) is not None
        assert fault([("host", host), browser, ("referer", "http://evil.test/")], hosts) is not None
        assert fault([("host", host), browser, ("referer", f"http://{host}/page")], hosts) is None
        assert fault([("host", host), ("user-agent", "Boto3/1.44")], hosts) is None
    assert fault([("host", "localhost:4566"), browser], hosts) is None
    assert "use this port as localhost" in str(fault([("host", "harness:4566"), browser], hosts))
    # A browser of before Sec-Fetch-Site says it in Referer only; a program may send any Referer, to S3 for example.
    referring = ("referer", "http://evil.test/")
    assert fault([("host", "localhost:4566"), browser, referring], hosts) is not None
    assert fault([("host", "localhost:4566"), ("user-agent", "Boto3/1.44"), referring], hosts) is None


def test_a_container_is_called_by_addresses_and_by_the_names_of_its_network() -> None:
    for host in ("model:8080", "172.17.0.2:8080", "localhost"):
        assert fault([("host", host)], CONTAINER) is None
    assert fault([("host", "evil.test:8080")], CONTAINER) is not None
    assert fault([("host", "model:8080"), ("origin", "http://evil.test")], CONTAINER) is not None


def test_a_page_of_this_port_is_told_from_a_program() -> None:
    own = [("host", "localhost:1"), ("referer", "http://localhost:1/a/b?c")]
    assert is_own_page([*own, ("origin", "http://localhost:1")])
    assert is_own_page([*own, ("sec-fetch-site", "same-origin")])
    assert not is_own_page([*own, ("sec-fetch-site", "none")])
    assert not is_own_page(own)
    assert referring_path(own) == "/a/b"


@pytest.mark.parametrize("name", ["harness:4566", "http://harness", "*", "a b", "evil.test/", ".x", "a" * 254])
def test_what_no_host_can_be_is_not_allowed_but_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a host name: write it as harness or"):
        allowed_hosts("127.0.0.1", ["ok", name, ""], loopback=True)


def test_programs_send_neither_and_are_served() -> None:
    assert fault([("host", "127.0.0.1:4566"), ("user-agent", "Boto3/1.44")]) is None


odd = st.text(max_size=30) | st.sampled_from(["http://[", "Mozilla/5.0", "localhost", "http://a]"])
names_of_headers = st.sampled_from(["host", "origin", "sec-fetch-site", "referer", "user-agent"])


@given(st.lists(st.tuples(names_of_headers, odd)))
def test_no_header_is_too_odd_to_be_judged(headers: list[tuple[str, str]]) -> None:
    sentence = fault(headers)
    assert sentence is None or sentence.endswith((".", "HARNESS_ALLOWED_HOSTS."))
