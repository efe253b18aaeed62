"""The kind ``process``. It is light to import, because whoever reads a stack file imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.hosting.instances.base import InstanceKind, InstanceSpec, Log

if TYPE_CHECKING:
    from harness.hosting.instances.process.instance import ProcessInstance


class ProcessKind(InstanceKind):
    """Instances that run the model itself, each in a model server of its own."""

    needs_model_data = True
    reports_usage = True

    def build(self, spec: InstanceSpec, log: Log) -> ProcessInstance:
        from harness.hosting.instances.process.instance import ProcessInstance

        return ProcessInstance(spec, log)
