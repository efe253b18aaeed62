"""Which user of this machine is at the other end of a connection, and whether that user may talk to this process.

A port on loopback can be reached by every user of the machine. Linux says which user owns a connected socket, over
netlink (sock_diag(7)) and, where that is closed off, in /proc/net/tcp (proc(5)). One question for each connection is
enough. The module is here because the model server imports nothing of ``harness``, whose listeners use it too.
"""

from __future__ import annotations

import ipaddress
import os
import pwd
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

Address = tuple[str, int]

# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h
_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, _NLMSG_ERROR = 4, 20, 1, 2
_MESSAGE_HEADER = struct.Struct("=IHHII")
_REQUEST_HEAD = struct.Struct("=BBBBI")  # family, protocol, extensions, padding, states
_ANSWER_HEAD = struct.Struct("=BBBB")  # family, state, timer, retransmissions
_SOCKET_ID_SIZE = 48  # ports, addresses, interface, cookie
_ANSWER_TAIL = struct.Struct("=IIIII")  # expires, queues (two), uid, inode
_NO_COOKIE = 0xFFFFFFFF
_ROOT = 0


def can_tell() -> bool:
    """Whether this system says whose a connection is. Only Linux does."""
    return sys.platform == "linux"


def is_loopback(host: str) -> bool:
    """Whether a listener at an address, or at a name, is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # of names, only this one is sure to be
        return host == "localhost"


def owner(peer: Address, here: Address) -> int | None:
    """The user id of the process at the other end of a TCP connection within this machine.

    peer, here: the addresses of the other end and of this one. None if the other end has been closed, even if its last
    request is still to be read: the kernel no longer knows whose it was.
    """
    family = socket.AF_INET6 if ":" in here[0] else socket.AF_INET
    try:
        return _ask(family, peer, here)
    except OSError:  # netlink is closed off, as in some sandboxes
        return _look_up(family, peer, here)


def refusal(peer: Any, here: Any) -> str | None:
    """The sentence with which a connection is refused; None if the user at its other end is this one, or root.

    peer, here: addresses as sockets name them. Where the system does not say whose a connection is, nobody is refused.
    """
    if not can_tell():
        return None
    uid = owner(peer[:2], here[:2]) if peer and here else None
    own = os.geteuid()
    if uid in (own, _ROOT):
        return None
    other = "another user of this machine" if uid is None else f"{_name(uid)} (user id {uid})"
    return f"This port is for {_name(own)} (user id {own}) only, and {other} may not use it."


def refusal_of(transport: asyncio.BaseTransport) -> str | None:
    """As refusal(), for the transport of a connection."""
    return refusal(transport.get_extra_info("peername"), transport.get_extra_info("sockname"))


def _ask(family: int, peer: Address, here: Address) -> int | None:
    """Asks the kernel for the socket at ``peer`` that is connected to ``here``. Raises OSError if it cannot."""
    ports = struct.pack("!HH", peer[1], here[1])
    addresses = b"".join(socket.inet_pton(family, host).ljust(16, b"\0") for host, _ in (peer, here))
    request = (
        _REQUEST_HEAD.pack(family, socket.IPPROTO_TCP, 0, 0, _NO_COOKIE)  # sockets in any state
        + ports
        + addresses
        + struct.pack("=III", 0, _NO_COOKIE, _NO_COOKIE)
    )
    size = _MESSAGE_HEADER.size + len(request)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as kernel:
        kernel.setblocking(False)  # the kernel answers within send()
        kernel.send(_MESSAGE_HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0) + request)
        answer = kernel.recv(4096)
    _, kind, _, _, _ = _MESSAGE_HEADER.unpack_from(answer)
    at = _MESSAGE_HEADER.size
    if kind == _NLMSG_ERROR:
        number = -struct.unpack_from("=i", answer, at)[0]
        if number == 2:  # ENOENT: there is no such socket
            return None
        raise OSError(number, os.strerror(number))
    socket_id = at + _ANSWER_HEAD.size
    *_, uid, inode = _ANSWER_TAIL.unpack_from(answer, socket_id + _SOCKET_ID_SIZE)
    # A listener at the peer's port is found in place of a connection that is gone. A closed socket has no inode, and
    # its user id is said to be root's.
    if answer[socket_id : socket_id + 4] != ports or inode == 0:
        return None
    return int(uid)


def _look_up(family: int, peer: Address, here: Address) -> int | None:
    """As _ask(), from the kernel's tables of connections. A socket for both families is in the one of IPv6."""
    tables = {"tcp6": _mapped} if family == socket.AF_INET6 else {"tcp": _packed, "tcp6": _mapped}
    for table, address in tables.items():
        wanted = f"{address(peer)} {address(here)}"
        for line in _lines(Path("/proc/net") / table):
            _, local, remote, _, _, _, _, uid, _, inode, *_ = line.split()
            if f"{local} {remote}" == wanted and inode != "0":
                return int(uid)
    return None


def _lines(table: Path) -> Iterator[str]:
    try:
        yield from table.read_text().splitlines()[1:]
    except OSError:
        return


def _packed(address: Address) -> str:
    """An address as the tables have it: each word of four bytes in the machine's order."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    return _hexadecimal(socket.inet_pton(family, address[0]), address[1])


def _mapped(address: Address) -> str:
    host = address[0] if ":" in address[0] else f"::ffff:{address[0]}"
    return _hexadecimal(socket.inet_pton(socket.AF_INET6, host), address[1])


def _hexadecimal(packed: bytes, port: int) -> str:
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return f"{''.join(f'{word:08X}' for word in words)}:{port:04X}"


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return "a user without a name"
