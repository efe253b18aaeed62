"""The model's own web requests, answered from recordings: a proxy on loopback that never asks the internet."""
