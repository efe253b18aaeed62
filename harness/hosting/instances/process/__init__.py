"""An instance as a child process: this project's model server."""

from harness.hosting.instances.process.kind import ProcessKind

__all__ = ["ProcessKind"]
