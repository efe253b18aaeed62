"""Tiny models: a model.tar.gz whose inference.py needs no weights."""

from __future__ import annotations

import io
import tarfile

ECHO = """
import json
import os
import time

KEPT = []


def model_fn(model_dir):
    return model_dir


def input_fn(body, content_type):
    return json.loads(body)


def predict_fn(data, model):
    if "fail" in data:
        raise ValueError(data["fail"])
    if "die" in data:
        os.kill(os.getppid() if data["die"] == "parent" else os.getpid(), 9)
    KEPT.append(b"x" * data.get("leak", 0))
    time.sleep(data.get("sleep", 0))
    role, greeting = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("GREETING")
    return {"echo": data, "pid": os.getpid(), "role": role, "env": greeting}


def output_fn(prediction, accept):
    return json.dumps(prediction)
"""

BROKEN = """
raise RuntimeError("the breed list is missing")
"""


def model_tar(code: str | None, name: str = "inference.py") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path, content in {"model.txt": "weights", **({f"code/{name}": code} if code is not None else {})}.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content.encode())
            tar.addfile(entry, io.BytesIO(content.encode()))
    return packed.getvalue()
