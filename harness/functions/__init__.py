"""Lambda: its API, its Runtime API, execution environments and concurrency. The service is ``api.Functions``."""
