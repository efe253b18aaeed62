"""Lambda: its API, its Runtime API, execution environments and concurrency. The service is ``service.Functions``."""
