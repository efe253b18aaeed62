"""How long hosting waits for what. Wall-clock seconds: the model's own speed does not follow the harness's clock."""

from __future__ import annotations

INVOCATION_SECONDS = 60.0
"""What a container has to answer a request of InvokeEndpoint (SM guide)."""
CLIENT_SECONDS = 70.0
"""What clients of InvokeEndpoint are told to wait (SM guide)."""
ASYNC_INVOCATION_SECONDS = 900.0
"""What it has for InvokeEndpointAsync where InvocationTimeoutSeconds is not given (botocore)."""
STREAM_SECONDS = 480.0
"""What it has for a whole response stream [unverified]."""
PING_SECONDS = 2.0
"""What it has to answer ``/ping`` (SM guide, your-algorithms-inference-code)."""
PING_INTERVAL_SECONDS = 1.0
"""Between two pings of an instance in service [unverified: AWS says "periodic"]."""
PING_FAILURES = 3
"""How many pings in a row have to fail until an instance in service is given up and replaced [unverified]."""
STARTUP_SECONDS = 240.0
"""Until ``/ping`` answers 200, unless ContainerStartupHealthCheckTimeoutInSeconds says otherwise (SM guide)."""
DOWNLOAD_SECONDS = 3600.0
"""For downloading model data where ModelDataDownloadTimeoutInSeconds is not given: the longest that can be asked for,
since AWS does not publish its default."""
STOP_SECONDS = 30.0
"""Between SIGTERM and SIGKILL when a container is stopped (SM guide)."""
DRAIN_SECONDS = STOP_SECONDS
"""What an instance that is being removed has to finish its requests. AWS does not publish it; this is as long as a
container has to stop."""
