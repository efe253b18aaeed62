"""``python -m model_server.health`` ends with status 0 if every worker of the container's TorchServe holds the model.

It asks TorchServe's management API, because TorchServe's /ping is Healthy before the model is loaded and while no
worker lives.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request


def loaded(url: str) -> bool:
    """Whether the model server at ``url`` has workers and all of them are READY."""
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{url}/models/model", timeout=2) as answer:
            workers = json.load(answer)[0]["workers"]
    except (OSError, ValueError, KeyError, IndexError):
        return False
    return bool(workers) and all(worker["status"] == "READY" for worker in workers)


if __name__ == "__main__":
    sys.exit(0 if loaded(f"http://127.0.0.1:{os.environ.get('SAGEMAKER_BIND_TO_PORT', '8080')}") else 1)
