"""Refuses what a web page in the user's browser could send to a port on this machine.

Any page can make the browser send requests to loopback: forms, images and fetch need nobody's leave, and a host name
that its owner points to 127.0.0.1 (DNS rebinding) makes them requests of the same origin. Browsers say both: a rebound
name stands in ``Host``, and the page's origin in ``Origin``, ``Sec-Fetch-Site`` or ``Referer`` (Fetch standard; Fetch
Metadata Request Headers). SDKs and command lines send none of the last three. The module is here because the model
server imports nothing of ``harness``, whose listeners use it too.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

Headers = Iterable[tuple[str, str]]
"""Pairs of a name in lower case and a value, as they came: repeats are kept."""

VARIABLE = "HARNESS_ALLOWED_HOSTS"
"""The environment variable with further host names, separated by commas."""

_NAME = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,253}")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_ORIGIN = re.compile(r"https?://(.+)")
_OWN_SITES = ("none", "same-origin")  # none: the user typed the address, or followed a link outside the browser
_CROSS_SITE = "cross-site"
_UNNAMED = "unnamed"
_SHOWN = 80  # characters of a header that a sentence quotes


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """The names by which a listener may be called, beside loopback's.

    names: the user's own, in lower case; each stands for its subdomains too. listening: the name or address that it
    listens at. addresses: whether any IP address may be used, as for a listener that others than this machine reach; no
    name can be made to look like one. networks: whether names without a dot may be used, which a container's network
    gives and which nobody else can have.
    """

    names: frozenset[str] = frozenset()
    listening: str = ""
    addresses: bool = False
    networks: bool = False

    def has(self, host: str) -> bool:
        """Whether a host, without its port, may be used."""
        host = host.lower().rstrip(".")
        if host == self.listening or (self.networks and "." not in host and ":" not in host):
            return True
        try:
            address = ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            return any(host == name or host.endswith(f".{name}") for name in ("localhost", *self.names))
        return self.addresses or host in self.names or _is_loopback(address)


LOOPBACK = AllowedHosts()
CONTAINER = AllowedHosts(addresses=True, networks=True)


def allowed_hosts(host: str, names: Iterable[str] = (), *, loopback: bool) -> AllowedHosts:
    """The hosts of a listener at ``host``. names: further ones, from an option or VARIABLE; empty ones are left out.

    Raises ValueError, with a sentence, for a name that no Host can have.
    """
    given = frozenset(name.strip().lower().rstrip(".") for name in names) - {""}
    for name in sorted(given):
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{name[:_SHOWN]!r} is not a host name: write it as harness or box.example.org, without scheme, port "
                "or path."
            )
    return AllowedHosts(given, host.lower(), addresses=not loopback)


def fault(headers: Headers, hosts: AllowedHosts = LOOPBACK) -> str | None:
    """The sentence that refuses a request that a foreign page could have sent; None for any other request."""
    headers = list(headers)
    return host_fault(headers, hosts) or origin_fault(foreign_origin(headers, hosts))


def host_fault(headers: Headers, hosts: AllowedHosts) -> str | None:
    """The sentence that refuses a request for its Host; None if that may be used.

    A request without one is no browser's, which always sends it: health checks speak HTTP/1.0.
    """
    given = [value for name, value in headers if name == "host"]
    if not given:
        return None
    match = _HOST.fullmatch(given[0]) if len(given) == 1 else None
    if match is not None and hosts.has(match[1]):
        return None
    shown = f"the Host {given[0][:_SHOWN]!r}" if len(given) == 1 else f"{len(given)} Host headers"
    return (
        f"A request with {shown} is refused, because a web page could have sent it: call this port as localhost or "
        f"127.0.0.1, or allow the name with {VARIABLE}."
    )


def foreign_origin(headers: Headers, hosts: AllowedHosts) -> str | None:
    """The origin of the other site's page that sent a request; None if no page did, or one of this port's own.

    ``null`` is the origin of pages without one, such as a sandboxed frame or a file. A request whose origin the browser
    does not say has the value of Sec-Fetch-Site in its place: ``cross-site`` or ``same-site``; ``unnamed`` stands for a
    page that the browser says nothing about.
    """
    headers = list(headers)
    host = _first(headers, "host").lower()
    origins = [value for name, value in headers if name == "origin"]
    if origins:
        return next((origin for origin in origins if not _is_own(origin.lower(), host, hosts)), None)
    sites = [value.lower() for name, value in headers if name == "sec-fetch-site"]
    if sites:
        return next((site for site in sites if site not in _OWN_SITES), None)
    if _is_silent_browser(headers):
        page = _referer(headers)[0].lower()
        if page and page != host:
            return _CROSS_SITE
        if not page and not _is_loopback_host(host):
            return _UNNAMED
    return None


def is_own_page(headers: Headers) -> bool:
    """Whether a page of this port's own sent a request that has no foreign origin."""
    headers = list(headers)
    host = _first(headers, "host").lower()
    return (
        any(name == "origin" for name, _ in headers)
        or _first(headers, "sec-fetch-site").lower() == "same-origin"
        or (_is_silent_browser(headers) and _referer(headers)[0].lower() == host)
    )


def referring_path(headers: Headers) -> str:
    """The path of the page that sent a request, which no page can make up; "" if the page does not say it."""
    return _referer(list(headers))[1]


def origin_fault(origin: str | None) -> str | None:
    """The sentence that refuses a request of a foreign origin."""
    if origin is None:
        return None
    if origin == _UNNAMED:
        return (
            "A request by a browser that does not say which page it is from is refused: a page of another site could "
            "have sent it. In a browser, use this port as localhost or 127.0.0.1."
        )
    whose = f"of the origin {origin[:_SHOWN]!r}" if "/" in origin or origin == "null" else "of another site"
    return f"A request by a web page {whose} is refused: pages may not call this port."


def _is_silent_browser(headers: list[tuple[str, str]]) -> bool:
    """Whether a browser sent a request with neither Origin nor Sec-Fetch-Site.

    To loopback today's browsers send one of them; over plain HTTP to any other host an image's request has neither.
    """
    silent = not any(name in ("origin", "sec-fetch-site") for name, _ in headers)
    return silent and _first(headers, "user-agent").startswith("Mozilla/")


def _is_loopback_host(host: str) -> bool:
    match = _HOST.fullmatch(host)
    return match is not None and LOOPBACK.has(match[1])


def _is_own(origin: str, host: str, hosts: AllowedHosts) -> bool:
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        return False
    if match[1] == host:
        return True
    named = _HOST.fullmatch(match[1])
    # A name that the user allowed may be a proxy's, in front of this port.
    return named is not None and any(named[1] == name or named[1].endswith(f".{name}") for name in hosts.names)


def _referer(headers: list[tuple[str, str]]) -> tuple[str, str]:
    """Host and path of the page that sent a request; "" each if it does not say so."""
    try:
        url = urlsplit(_first(headers, "referer"))
    except ValueError:
        return "", ""
    return url.netloc, url.path


def _first(headers: list[tuple[str, str]], wanted: str) -> str:
    return next((value for name, value in headers if name == wanted), "")


def _is_loopback(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    # An IPv4 address within IPv6 is none: browsers do not count it as loopback, and say there less of a page.
    return address.is_loopback and getattr(address, "ipv4_mapped", None) is None
