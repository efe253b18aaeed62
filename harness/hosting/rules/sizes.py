"""How much hosting holds in memory. Bytes; ours where nothing else is said, because one process holds it all."""

from __future__ import annotations

ANSWER_LIMIT = 64 * 2**20
"""An instance's answer to one request."""
ASYNC_INPUT_LIMIT = 64 * 2**20
"""An input of InvokeEndpointAsync in S3. AWS takes 1 GB (SM guide, async-inference)."""
ASYNC_BACKLOG_LIMIT = 64 * 2**20
"""What waits in the queue of one asynchronous endpoint; AWS names no limit."""
ASYNC_REQUEST_OVERHEAD = 2_048
"""A request in that queue without its body, roughly."""
