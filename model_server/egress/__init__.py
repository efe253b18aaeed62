"""Answers the model's own web requests from recordings, by a proxy on loopback that never asks the internet."""
