"""The AWS CLI at a tenth of its start: one process that has imported it, forked for each command.

A script makes some fifty calls, and importing the CLI takes longer than any of them. What runs is the CLI itself, with
the script's own arguments and files.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

_SERVICES = ("sagemaker", "lambda", "application-autoscaling", "cloudwatch")
# Sends its arguments and its own files, and ends as the command does.
_CLIENT = """#!{python} -ISE
import json, socket, sys
with socket.socket(socket.AF_UNIX) as one:
    one.connect({address!r})
    socket.send_fds(one, [json.dumps(sys.argv[1:]).encode()], [0, 1, 2])
    sys.exit(int(one.makefile().read()))
"""


@contextlib.contextmanager
def aws_commands(folder: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """A folder for PATH, with ``aws`` in it. environment: of the commands."""
    folder.mkdir()
    address = str(folder / "socket")
    client = folder / "aws"
    client.write_text(_CLIENT.format(python=sys.executable, address=address))
    client.chmod(client.stat().st_mode | stat.S_IXUSR)
    with subprocess.Popen(
        [sys.executable, __file__, address], env=dict(environment), stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            yield folder
        finally:
            server.terminate()


def _serve(address: str) -> None:
    from awscli.clidriver import create_clidriver

    driver = create_clidriver()
    for service in _SERVICES:  # read once for all
        driver.session.get_service_model(service)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            if os.fork():
                connection.close()
                continue
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            message, files, _, _ = socket.recv_fds(connection, 1 << 20, 3)
            for number, file in enumerate(files):
                os.dup2(file, number)
            code = driver.main(json.loads(message))
            sys.stdout.flush()
            sys.stderr.flush()
            connection.sendall(str(code).encode())
            os._exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1])
