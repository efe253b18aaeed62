"""An instance as a twin: it answers from a measured capacity profile."""

from harness.hosting.instances.twin.kind import TwinKind

__all__ = ["TwinKind"]
