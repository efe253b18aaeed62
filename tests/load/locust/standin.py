"""A stand-in for the gateway: the called name decides whether it answers, fails or breaks the connection.

It is not AWS: its purpose is to break connections and to refuse requests in AWS's shapes.
"""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOG = (
    "START RequestId: 1 Version: $LATEST\nEND RequestId: 1\n"
    "REPORT RequestId: 1\tDuration: 12.50 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\tMax Memory Used: 67 MB\t"
)
JSON_ERRORS = {
    "throttled": (
        429,
        "TooManyRequestsException",
        {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "message": "Rate Exceeded."},
    ),
    "denied": (
        403,
        "AccessDeniedException",
        {"Message": "User: x is not authorized to perform: lambda:InvokeFunction"},
    ),
    "model-error": (
        424,
        "ModelError",
        {"OriginalStatusCode": 500, "Message": "Received server error (500) from primary"},
    ),
}


class StandIn:
    """The running stand-in. connections: for each connection, in the order of opening, the names called on it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connections: list[list[str]] = []
        self.headers: list[dict[str, str]] = []


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """Run on a free port of loopback until the block ends."""
    state = StandIn("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            self.calls: list[str] = []
            state.connections.append(self.calls)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            *_, what, name, _ = self.path.split("/")
            self.calls.append(name)
            state.headers.append(dict(self.headers))
            if name == "reset":
                # Zero linger turns the close into a reset.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
            elif name == "garbage":
                self.wfile.write(b"NOT HTTP AT ALL\r\n\r\n")
                self.close_connection = True
            elif name == "hangs":
                time.sleep(3)
                self.close_connection = True
            elif name in JSON_ERRORS:
                status, code, members = JSON_ERRORS[name]
                self._answer(status, json.dumps(members).encode(), {"x-amzn-errortype": f"{code}:http://internal/"})
            elif what == "functions":
                first = len(self.calls) == 1
                log = LOG + ("Init Duration: 343.88 ms\t\n" if first else "\n")
                headers = {"X-Amz-Log-Result": base64.b64encode(log.encode()).decode()}
                if name == "unhandled":
                    headers["X-Amz-Function-Error"] = "Unhandled"
                    self._answer(200, b'{"errorMessage": "boom", "errorType": "ValueError"}', headers)
                else:
                    self._answer(200, b'{"statusCode": 200}', headers)
            else:
                headers = {"x-Amzn-Invoked-Production-Variant": "AllTraffic", "X-Harness-Instance": "2"}
                self._answer(200, b"[[0.5]]", headers)

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def finish(self) -> None:
            try:
                super().finish()
            except (OSError, ValueError):
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
