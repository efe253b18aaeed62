"""An instance as a container that somebody else runs."""

from harness.hosting.instances.container.kind import ContainerKind

__all__ = ["ContainerKind"]
