"""The port of a local AWS: bound and listening in one step, so that of two processes only one ever has it."""

from __future__ import annotations

import errno
import os
import socket
import time

import psutil

from harness.core.errors import HarnessError

BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """Listens on an address; port 0 takes a free one. Raises HarnessError, which says who has a port that is taken."""
    # asyncio sets TCP_NODELAY only if the socket names its protocol; without it answers wait 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # With SO_REUSEADDR two sockets may be bound to one port. The first that listens has it.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            program, which = _program_on(port)
            raise HarnessError(
                f"Port {port} is taken by {program}: stop it{which}, or choose another port with --port."
            ) from None
        raise HarnessError(f"Cannot listen on {host}:{port}: {error.strerror}.") from None
    except OverflowError:
        listener.close()
        raise HarnessError(f"Cannot listen on {host}:{port}: a port is a number from 0 to 65535.") from None
    return listener


def adopt(descriptor: int) -> socket.socket:
    """A listener that another process has passed on. Those that this one starts do not get it."""
    os.set_inheritable(descriptor, False)
    return socket.socket(fileno=descriptor)


def _program_on(port: int) -> tuple[str, str]:
    """What listens on a port, and which process it is, as far as this user may know."""
    try:
        pids = {
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
        }
        process = psutil.Process(next(pid for pid in pids if pid is not None))
        started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(process.create_time()))
        local_aws = "harness.local_aws.server" in process.cmdline()
        which = f" ({process.name()}, process {process.pid}, since {started})"
    except (psutil.Error, OSError, StopIteration):
        return "another program", ""
    return "a local AWS with another state folder" if local_aws else "another program", which
