"""The handler that TorchServe's worker loads: the toolkit's own, with a report to the launcher of how loading went."""

from __future__ import annotations

import os
from typing import Any

from sagemaker_pytorch_serving_container.handler_service import HandlerService

from model_server import link


class Handler(HandlerService):  # type: ignore[misc]
    """The toolkit's HandlerService; TorchServe expects exactly one class in this module."""

    def initialize(self, context: Any) -> None:
        # TorchServe passes a link in its temporary folder; the model is to see the folder that it was unpacked to.
        context.system_properties["model_dir"] = os.path.realpath(context.system_properties["model_dir"])
        try:
            super().initialize(context)
        except BaseException as error:  # sys.exit() in a user's module too
            link.failed(error)
            raise
        link.loaded()
