"""``python -m model_server.health``: exit status 0 when every worker of the container's TorchServe holds the model.

TorchServe's own /ping is Healthy before the model is loaded and while no worker lives, so its management API is asked.
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
