"""Whose a connection is. The kernel's two answers, over netlink and in /proc/net, are held against each other."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from model_server import peers
from tests.other_user import NOBODY, needs_root

pytestmark = pytest.mark.skipif(not peers.can_tell(), reason="only Linux says whose a connection is")
Owner = Callable[[int, peers.Address, peers.Address], int | None]


def of_the_tables(family: int, peer: peers.Address, here: peers.Address) -> int | None:
    return peers._look_up(family, peer, here)


def of_netlink(family: int, peer: peers.Address, here: peers.Address) -> int | None:
    return peers._ask(family, peer, here)


@pytest.fixture(params=[of_netlink, of_the_tables])
def owner(request: pytest.FixtureRequest) -> Owner:
    answer: Owner = request.param
    return answer


@contextmanager
def listening(family: int, host: str) -> Iterator[socket.socket]:
    with socket.socket(family) as listener:
        try:
            listener.bind((host, 0))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        listener.listen()
        yield listener


WAYS = [
    (socket.AF_INET, "127.0.0.1", socket.AF_INET, "127.0.0.1"),
    (socket.AF_INET6, "::1", socket.AF_INET6, "::1"),
    (socket.AF_INET, "127.0.0.1", socket.AF_INET6, "::ffff:127.0.0.1"),  # as Java's clients connect
]


@pytest.mark.parametrize(("family", "host", "client_family", "client_host"), WAYS)
def test_a_connection_is_its_process_s_user_s_until_it_is_closed(
    owner: Owner, family: int, host: str, client_family: int, client_host: str
) -> None:
    with listening(family, host) as listener:
        here = listener.getsockname()[:2]
        with socket.socket(client_family) as client:
            client.connect((client_host, here[1]))
            accepted, peer = listener.accept()
            assert owner(family, peer[:2], here) == os.geteuid()
        # The kernel says that a closed socket is root's: it must not be believed.
        assert owner(family, peer[:2], here) is None
        accepted.close()
        assert owner(family, peer[:2], here) is None


def test_half_closed_it_still_has_an_owner(owner: Owner) -> None:
    with listening(socket.AF_INET, "127.0.0.1") as listener, socket.socket() as client:
        client.connect(listener.getsockname())
        accepted, peer = listener.accept()
        client.shutdown(socket.SHUT_WR)
        assert owner(socket.AF_INET, peer, listener.getsockname()) == os.geteuid()
        accepted.close()


def test_a_listener_at_the_peer_s_old_port_is_not_the_peer(owner: Owner) -> None:
    with listening(socket.AF_INET, "127.0.0.1") as other, listening(socket.AF_INET, "127.0.0.1") as listener:
        assert owner(socket.AF_INET, other.getsockname(), listener.getsockname()) is None


@needs_root
def test_another_user_s_connection_is_that_user_s(owner: Owner) -> None:
    program = (
        f"import os, socket, sys; os.setgid({NOBODY}); os.setuid({NOBODY}); c = socket.socket();"
        "c.connect(('127.0.0.1', int(sys.argv[1]))); sys.stdin.read()"
    )
    with listening(socket.AF_INET, "127.0.0.1") as listener:
        here = listener.getsockname()
        with subprocess.Popen([sys.executable, "-c", program, str(here[1])], stdin=subprocess.PIPE, cwd="/") as client:
            accepted, peer = listener.accept()
            assert owner(socket.AF_INET, peer, here) == NOBODY
            sentence = peers.refusal(peer, here)
            client.communicate(b"")
            accepted.close()
    assert sentence == ("This port is for root (user id 0) only, and nobody (user id 65534) may not use it.")


@pytest.mark.parametrize(
    ("uid", "own", "served"),
    [(0, 1000, True), (1000, 1000, True), (1001, 1000, False), (None, 1000, False), (None, 0, False), (1000, 0, False)],
)
def test_the_own_user_and_root_are_served_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch, uid: int | None, own: int, served: bool
) -> None:
    monkeypatch.setattr(peers, "owner", lambda peer, here: uid)
    monkeypatch.setattr(os, "geteuid", lambda: own)
    assert (peers.refusal(("127.0.0.1", 1), ("127.0.0.1", 2)) is None) == served


def test_where_the_system_does_not_say_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "can_tell", lambda: False)
    assert peers.refusal(None, None) is None


@pytest.mark.parametrize(("host", "loopback"), [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True),
                                                ("localhost", True), ("0.0.0.0", False), ("::", False),
                                                ("10.0.0.1", False), ("", False), ("my-machine", False)])  # fmt: skip
def test_which_addresses_are_loopback(host: str, loopback: bool) -> None:
    assert peers.is_loopback(host) == loopback
