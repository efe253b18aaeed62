"""The settings of one run of the model server, from its command line and environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# The toolkit's and TorchServe's own defaults (sagemaker-pytorch-inference 2.0.25, TorchServe 0.12.0).
JOB_QUEUE_SIZE = 100
RESPONSE_TIMEOUT_SECONDS = 60
STARTUP_TIMEOUT_SECONDS = 120
MAX_REQUEST_BYTES = 6_291_456  # botocore: sagemaker-runtime BodyBlob
MAX_RESPONSE_BYTES = 6_553_500  # TorchServe's max_response_size
DRAIN_SECONDS = 30  # SM guide: SIGTERM, then SIGKILL after 30 s


class ModelServerError(Exception):
    """Something the user can mend. The text says what to do, and is printed without a traceback."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The settings of one model server.

    model_dir: a folder laid out like /opt/ml/model: weights beside ``code/``.
    workers: Python processes that each hold the model.
    threads: OMP_NUM_THREADS of a worker.
    response_timeout: seconds that one answer may take; a worker that takes longer is replaced.
    responses: folders of recorded responses; if empty, the workers' network is left alone.
    torch_home: a torch cache whose real weights are preferred to stand-ins.
    work_dir: folder for the run's files; None makes a temporary one.
    lifeline: whether the server ends when its standard input does.
    listener: descriptor of a socket that listens already, which is then used; None makes one.
    """

    model_dir: Path
    host: str
    port: int
    server: Literal["torchserve", "asgi"]
    workers: int
    threads: int
    response_timeout: int
    responses: tuple[Path, ...] = ()
    torch_home: Path | None = None
    work_dir: Path | None = None
    lifeline: bool = False
    listener: int | None = None


def parse(arguments: Sequence[str], environment: Mapping[str, str], cores: int) -> ServerSettings:
    """The settings from the command line and the container's environment variables.

    SAGEMAKER_MODEL_SERVER_WORKERS and SAGEMAKER_MODEL_SERVER_TIMEOUT (seconds) are the toolkit's own variables; the
    command line has precedence. A usage error ends the process with status 2, as in argparse. Raises ModelServerError
    for a folder that does not exist.
    """
    options = _parser().parse_args(arguments)
    workers = options.workers or _positive(environment, "SAGEMAKER_MODEL_SERVER_WORKERS") or cores
    inherited_threads = _positive(environment, "OMP_NUM_THREADS")
    settings = ServerSettings(
        model_dir=options.model_dir.resolve(),
        host=options.host,
        port=options.port,
        server=options.server,
        workers=workers,
        threads=options.threads or inherited_threads or max(1, cores // workers),
        response_timeout=_positive(environment, "SAGEMAKER_MODEL_SERVER_TIMEOUT") or RESPONSE_TIMEOUT_SECONDS,
        responses=tuple(folder.resolve() for folder in options.responses),
        torch_home=options.torch_home or (Path(environment["TORCH_HOME"]) if environment.get("TORCH_HOME") else None),
        work_dir=options.work_dir.resolve() if options.work_dir else None,
        lifeline=options.lifeline,
        listener=options.listener,
    )
    for option, folder in [
        ("--model-dir", settings.model_dir),
        *(("--responses", responses) for responses in settings.responses),
    ]:
        if not folder.is_dir():
            raise ModelServerError(f"{option} {folder} is not a folder: name one that exists.")
    return settings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m model_server", description="Serve a SageMaker PyTorch model.")
    parser.add_argument("--model-dir", type=Path, required=True, help="the unpacked model.tar.gz: weights and code/")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--server", choices=["torchserve", "asgi"], default="torchserve")
    parser.add_argument("--workers", type=_count, help="processes that hold the model (default: one per core)")
    parser.add_argument("--threads", type=_count, help="threads of one worker (default: cores / workers)")
    parser.add_argument(
        "--responses",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="answer the model's own web requests from this folder of recordings, and nothing else (repeatable)",
    )
    parser.add_argument("--torch-home", type=Path, help="a torch cache with real weights (default: TORCH_HOME)")
    parser.add_argument("--work-dir", type=Path, help="folder for this run's files (default: a temporary one)")
    parser.add_argument("--lifeline", action="store_true", help="end when standard input reaches its end")
    parser.add_argument("--listener", type=int, metavar="FD", help="an inherited socket that listens on --port already")
    return parser


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return value


def _positive(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name)
    if not text:
        return None
    if not text.isdigit() or int(text) < 1:
        raise ModelServerError(f"The environment variable {name} is {text!r}: set it to a whole number above 0.")
    return int(text)


def available_cores() -> int:
    """The cores that this process may run on."""
    return len(os.sched_getaffinity(0))
