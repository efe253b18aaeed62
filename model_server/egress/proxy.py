"""An HTTP and HTTPS proxy on loopback that answers from recordings and refuses everything else with a sentence.

It opens HTTPS with certificates of an authority that exists for this run only and that only this run's workers trust.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import httptools
import trustme

from model_server.egress.recordings import find, how_to_record
from model_server.peers import refusal_of

_LONGEST_HEAD = 65_536
_REQUEST_SECONDS = 30.0
_METHODS = ("GET", "HEAD")


class BadRequestError(Exception):
    """A request that a proxy cannot serve. The message is for the client."""


class EgressProxy:
    """Serves recorded responses to every process that has its environment variables.

    folders: of recordings; the first one that has a URL is used. run_dir: where the authority's certificate is written.
    """

    def __init__(self, folders: Sequence[Path], run_dir: Path) -> None:
        self._folders = folders
        self._authority = trustme.CA(organization_name="model_server recorded responses")
        self._bundle = run_dir / "egress-ca.pem"
        self._context = cache(self._make_context)

    async def start(self) -> None:
        """Listens on a free loopback port."""
        self._authority.cert_pem.write_to_path(str(self._bundle))
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_LONGEST_HEAD)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stops listening."""
        self._server.close()

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """The variables by which requests, urllib, curl and others use the proxy; loopback stays direct."""
        proxy = f"http://127.0.0.1:{self.port}"
        excluded = inherited.get("NO_PROXY") or inherited.get("no_proxy")
        direct = ",".join(part for part in ("127.0.0.1,localhost,::1", excluded) if part)
        return {
            **dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"), proxy),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), direct),
            **{name: str(self._bundle) for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")},
        }

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                refused = refusal_of(writer.transport)
                method, target = await _read_request(reader)
                if refused:
                    await _send(writer, "403 Forbidden", "text/plain; charset=utf-8", f"{refused}\n".encode())
                    return
                origin = ""
                if method == "CONNECT":
                    host, _, port = target.rpartition(":")
                    origin = f"https://{host}" if port == "443" else f"https://{target}"
                    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    await writer.drain()
                    await writer.start_tls(self._context(host.strip("[]")))
                    method, target = await _read_request(reader)
                elif target.startswith("/"):
                    raise BadRequestError("This is a proxy: the request has to name a whole URL.")
            await self._answer(writer, method, origin + target if target.startswith("/") else target)
        except BadRequestError as error:
            await _send(writer, "400 Bad Request", "text/plain; charset=utf-8", f"{error}\n".encode())
        except ssl.SSLError as error:
            _say(
                f"The model's code broke off an HTTPS request, because it does not trust SSL_CERT_FILE: {error.reason}."
            )
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, method: str, url: str) -> None:
        recording = find(self._folders, url) if method in _METHODS else None
        if recording is not None:
            body = await asyncio.to_thread(recording.path.read_bytes)
            await _send(writer, "200 OK", recording.content_type, body, head_only=method == "HEAD")
            return
        if method in _METHODS:
            sentence = how_to_record(self._folders, url)
        else:
            sentence = f"The model's code sent {method} {url}, but only GET and HEAD can be answered from recordings."
        _say(sentence)
        await _send(
            writer,
            "502 Bad Gateway",
            "text/plain; charset=utf-8",
            f"{sentence}\n".encode(),
            head_only=method == "HEAD",
        )

    def _make_context(self, host: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(host).configure_cert(context)
        return context


class _Request:
    """What httptools has parsed of a request."""

    def __init__(self) -> None:
        self.target = b""
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_message_complete(self) -> None:
        self.complete = True


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, str]:
    """Method and target of the next request. Reads its body to the end: a client reads nothing while it sends."""
    try:
        data = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise BadRequestError("The request's head is too long.") from None
    request = _Request()
    parser = httptools.HttpRequestParser(request)
    try:
        parser.feed_data(data)
        while not request.complete and (data := await reader.read(_LONGEST_HEAD)):
            parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        pass  # CONNECT
    except httptools.HttpParserError:
        raise BadRequestError("This is a proxy for HTTP requests.") from None
    return parser.get_method().decode(), request.target.decode("latin-1")


async def _send(
    writer: asyncio.StreamWriter, status: str, content_type: str, body: bytes, *, head_only: bool = False
) -> None:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    writer.write(head.encode() + (b"" if head_only else body))
    await writer.drain()


def _say(sentence: str) -> None:
    print(f"model_server: {sentence}", file=sys.stderr, flush=True)
