"""Another user of this machine: a child process that gives up root for nobody, and then tries."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

NOBODY = 65534

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root may become another user: run this test as root to see one refused"
)

# It becomes nobody only after its imports: where Python is installed need not be readable for everybody.
_BECOME_NOBODY = """
import json, os, socket, sys
arguments = json.loads(sys.argv[1])
os.setgroups([])
os.setgid({nobody})
os.setuid({nobody})
answers = []
"""
_ASK = """
for host, port, request in arguments:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    answer = b""
    with socket.socket(family) as connection:
        connection.settimeout(10)
        try:
            connection.connect((host, port))
            connection.sendall(request.encode("latin-1"))
            while part := connection.recv(65536):
                answer += part
        except OSError:
            pass
    answers.append(answer.decode("latin-1"))
print(json.dumps(answers))
"""
_REACH = """
for path in arguments:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except PermissionError:
        pass
    except FileNotFoundError:
        pass
    else:
        answers.append(path)
print(json.dumps(answers))
"""


def answers_to_nobody(requests: Sequence[tuple[str, int, str]]) -> list[str]:
    """What another user is answered. requests: host, port and a whole request, which asks to close the connection."""
    return _as_nobody(_ASK, requests)


def open_to_nobody(paths: Sequence[str]) -> list[str]:
    """Those of the files and folders that another user can open."""
    return _as_nobody(_REACH, paths)


def _as_nobody(what: str, arguments: Any) -> list[str]:
    program = _BECOME_NOBODY.format(nobody=NOBODY) + what
    completed = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, json.dumps(arguments)],
        capture_output=True, text=True, timeout=60, check=True, cwd="/",
    )  # fmt: skip
    answers: list[str] = json.loads(completed.stdout)
    return answers


def get(path: str, method: str = "GET", body: str = "") -> str:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
