"""Names the machine and the versions that a result was made with."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

DISTRIBUTIONS = {
    "harness": "sagemaker-harness",
    "locust": "locust",
    "gevent": "gevent",
    "geventhttpclient": "geventhttpclient",
    "boto3": "boto3",
    "moto": "moto",
    "awslambdaric": "awslambdaric",
    "torch": "torch",
    "torchvision": "torchvision",
    "torchserve": "torchserve",
    "sagemaker-pytorch-inference": "sagemaker-pytorch-inference",
}


def machine() -> dict[str, str | int]:
    """The CPU model, the cores that this process may use, memory in bytes and the operating system."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": int(psutil.virtual_memory().total),
        "os": _os_name(),
    }


def versions() -> dict[str, str]:
    """The versions of Python and of the installed parts; none of them is imported for it."""
    versions = {"python": platform.python_version()}
    for name, distribution in DISTRIBUTIONS.items():
        try:
            versions[name] = version(distribution)
        except PackageNotFoundError:
            continue
    return versions


def _cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def _os_name() -> str:
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {platform.system()} {platform.release()}"
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}"
