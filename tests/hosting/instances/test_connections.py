"""HTTP with a container: answers of every framing are read whole, and anything else is an error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.hosting.instances.base import Answer, AnswerTooLarge, InvocationFailed, MalformedAnswer
from harness.hosting.instances.connections import HEAD_LIMIT, Connections
from harness.hosting.rules import sizes

FINE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"


@dataclass
class Container:
    """Answers each request with the next of its scripts: pieces of bytes, where None ends the connection."""

    scripts: list[Sequence[bytes | None]]
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    ended: int = 0
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length: "))
                self.requests.append(head + await reader.readexactly(length))
                for piece in self.scripts.pop(0):
                    if piece is None:
                        return
                    writer.write(piece)
                    await asyncio.sleep(0)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self.ended += 1


@asynccontextmanager
async def container(
    *scripts: Sequence[bytes | None], keep_alive: float = 60
) -> AsyncIterator[tuple[Container, Connections]]:
    held = Container(list(scripts))
    server = await asyncio.start_server(held.serve, "127.0.0.1", 0)
    held.port = server.sockets[0].getsockname()[1]
    connections = Connections("127.0.0.1", held.port, keep_alive)
    try:
        yield held, connections
    finally:
        connections.close()
        await until(lambda: held.ended == held.connections)
        server.close()
        await server.wait_closed()


async def ask(connections: Connections, body: bytes = b"photo") -> Answer:
    async with asyncio.timeout(10):
        return await connections.post("/invocations", body, {"Content-Type": "image/jpeg", "X-Mine": "é"})


async def test_the_request_has_the_callers_headers_and_the_bodys_length() -> None:
    async with container([FINE]) as (held, connections):
        answer = await ask(connections)
    assert (answer.status, answer.reason, answer.headers["content-type"], answer.body) == (
        200,
        "OK",
        "text/plain",
        b"hi",
    )
    assert held.requests == [
        f"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1:{held.port}\r\nContent-Type: image/jpeg\r\nX-Mine: é\r\n"
        "Content-Length: 5\r\n\r\nphoto".encode()
    ]


@pytest.mark.parametrize(
    ("script", "body"),
    [
        ([FINE], b"hi"),
        (
            [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n4;x=y\r\n all\r\n0\r\nT: x\r\n\r\n"],
            b"hi all",
        ),
        ([b"HTTP/1.1 200 OK\r\n\r\nto the", b" end", None], b"to the end"),
        ([b"HTTP/1.0 200\r\n\r\nold", None], b"old"),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], b""),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 102 Processing\r\nA: b\r\n\r\n", FINE], b"hi"),
        ([b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno", None], b"no"),
    ],
)
async def test_an_answer_of_any_framing_is_read_whole(script: list[bytes | None], body: bytes) -> None:
    async with container(script) as (_, connections):
        assert (await ask(connections)).body == body


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(1, 90), max_size=12))
def test_it_does_not_matter_where_the_network_cuts_an_answer(cuts: list[int]) -> None:
    whole = (
        b"HTTP/1.1 200 Quite OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nhi\r\n0\r\n\r\n"
    )
    edges = [0, *sorted({cut for cut in cuts if cut < len(whole)}), len(whole)]
    pieces = [whole[begin:end] for begin, end in pairwise(edges)]

    async def one() -> Answer:
        async with container(pieces) as (_, connections):
            return await ask(connections)

    answer = asyncio.run(one())
    assert (answer.reason, answer.body) == ("Quite OK", b"hi")
    assert list(answer.headers.items())[:2] == [("Set-Cookie", "a"), ("Set-Cookie", "b")]


@pytest.mark.parametrize(
    ("script", "error", "says"),
    [
        ([None], InvocationFailed, "ended before the answer"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha", None], InvocationFailed, "ended before the answer"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha", None], InvocationFailed, "ended before"),
        ([b"HTTP/1.1 200 OK\r\nContent-", None], InvocationFailed, "ended before the answer"),
        ([b"\x00\x01 garbage\r\n\r\n"], MalformedAnswer, "is not HTTP"),
        ([b"HTTP/1.1 2x0 OK\r\n\r\n"], MalformedAnswer, "is not HTTP"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nhi"], MalformedAnswer, "is not HTTP"),
        ([b"HTTP/1.1 200 OK\r\nA: " + b"x" * HEAD_LIMIT + b"\r\n\r\n"], MalformedAnswer, "larger than 65,536 bytes"),
        ([b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"], MalformedAnswer, "another protocol"),
    ],
)
async def test_an_answer_that_is_broken_or_not_http_is_an_error(
    script: list[bytes | None], error: type[InvocationFailed], says: str
) -> None:
    async with container(script, [FINE]) as (_, connections):
        with pytest.raises(InvocationFailed, match=says) as raised:
            await ask(connections)
        assert type(raised.value) is error
        assert (await ask(connections)).body == b"hi"


async def test_nobody_listens() -> None:
    async with container() as (held, _):
        pass
    connections = Connections("127.0.0.1", held.port, 60)
    with pytest.raises(InvocationFailed, match="no connection"):
        await ask(connections)


async def test_a_header_with_a_line_break_is_not_sent() -> None:
    async with container([FINE]) as (held, connections):
        for value in ("a\r\nEvil: yes", "a\nb", "a\rb"):
            with pytest.raises(InvocationFailed, match="line break"):
                await connections.post("/invocations", b"", {"X": value})
        assert held.connections == 0


async def test_connections_are_used_again_one_request_at_a_time() -> None:
    async with container(*[[FINE]] * 6) as (held, connections):
        for _ in range(3):
            await ask(connections)
        assert held.connections == 1
        await asyncio.gather(*(ask(connections) for _ in range(3)))
        assert held.connections == 3


@pytest.mark.parametrize(
    "script",
    [
        [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"],
        [b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", None],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + FINE],
    ],
    ids=["it says close", "HTTP/1.0", "it is closed", "more came than was asked for"],
)
async def test_a_connection_that_ends_is_not_used_again(script: list[bytes | None]) -> None:
    async with container(script, [FINE]) as (held, connections):
        await ask(connections)
        await until(lambda: not connections._all or held.connections == 1)
        await asyncio.sleep(0.05)
        assert (await ask(connections)).body == b"hi"
        assert held.connections == 2


async def test_a_connection_that_ended_before_it_was_used_fails_at_once() -> None:
    """Its end has been heard of already: a request on it would wait for nothing."""
    async with container() as (_, connections):
        connection = await connections._open()
        connection.abort()
        await until(lambda: not connections._all)
        with pytest.raises(InvocationFailed, match="before the request"):
            await connection.send(b"")


async def test_a_connection_that_was_idle_for_too_long_is_not_used_again() -> None:
    async with container([FINE], [FINE], keep_alive=0.0) as (held, connections):
        await ask(connections)
        await asyncio.sleep(0.01)
        await ask(connections)
        assert held.connections == 2


async def test_a_cancelled_request_ends_its_connection() -> None:
    """Else its late answer would be the next request's."""
    async with container([], [FINE]) as (held, connections):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await connections.post("/invocations", b"", {})
        assert not connections._idle
        assert (await ask(connections)).body == b"hi"
        assert held.connections == 2


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("framing", ["Content-Length: 100000000", "Transfer-Encoding: chunked", "Connection: close"])
async def test_an_answer_is_gathered_up_to_a_limit(framing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance that answers without an end costs its own request, and no memory."""
    monkeypatch.setattr(sizes, "ANSWER_LIMIT", 100_000)
    piece = b"10000\r\n" + bytes(0x10000) + b"\r\n" if "chunked" in framing else bytes(0x10000)
    head = f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode()
    async with container([head, *[piece] * 20], [FINE]) as (_, connections):
        with pytest.raises(AnswerTooLarge, match="larger than 100,000 bytes"):
            await connections.post("/invocations", b"", {})
        assert (await connections.post("/invocations", b"", {})).body == b"hi"


async def test_a_header_without_an_end_is_not_gathered() -> None:
    head = b"HTTP/1.1 200 OK\r\nx-endless: "
    async with container([head, *[b"x" * 10_000] * 50], [FINE]) as (_, connections):
        with pytest.raises(MalformedAnswer, match="head is larger than 65,536 bytes"):
            await connections.post("/invocations", b"", {})
        assert (await connections.post("/invocations", b"", {})).body == b"hi"
