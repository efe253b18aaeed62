"""Encodes an AwsError in the shape of each AWS protocol."""

from __future__ import annotations

import json
from typing import Literal
from xml.sax.saxutils import escape

from harness.core.errors import AwsError
from harness.gateway.wire.cbor import encode_map
from harness.gateway.wire.codec import Response

Protocol = Literal["json", "rest-json", "query", "ec2", "rest-xml", "smithy-rpc-v2-cbor"]


def encode_fault(error: AwsError, protocol: str, request_id: str) -> Response:
    """The error response in a protocol; ``rest-json`` for a protocol that is not known."""
    if protocol == "json":
        body = {"__type": error.code, "message": error.message, **error.fields}
        headers = {"Content-Type": "application/x-amz-json-1.1"}
        answer = json.dumps(body).encode()
    elif protocol == "smithy-rpc-v2-cbor":
        headers = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        answer = encode_map({"__type": error.code, "message": error.message})
    elif protocol in ("query", "ec2", "rest-xml"):
        headers = {"Content-Type": "text/xml"}
        answer = _xml(error, protocol, request_id).encode()
    else:
        # Clients read the code from the header. SageMaker Runtime and Lambda spell the member `message` differently.
        headers = {"Content-Type": "application/json"}
        if not error.code.isdigit():
            headers["x-amzn-ErrorType"] = error.code
        answer = json.dumps({"message": error.message, "Message": error.message, **error.fields}).encode()
    headers["x-amzn-RequestId"] = request_id
    return Response(error.status, headers | error.headers, answer)


def _xml(error: AwsError, protocol: str, request_id: str) -> str:
    code, message = escape(error.code), escape(error.message)
    if protocol == "rest-xml":
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message>'
            f"<RequestId>{request_id}</RequestId></Error>"
        )
    if protocol == "ec2":
        return (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
    fault = "Sender" if error.status < 500 else "Receiver"
    return (
        f"<ErrorResponse><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
