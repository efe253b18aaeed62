"""Runs a plan's settings live on twins, in sped-up time, and compares the result with a prediction for the same run.

``excerpt`` chooses the part of the traffic, and ``sped_up`` adapts the settings to the speed. ``live`` runs them
through the gateway, the function and locust; ``confirm`` compares.
"""
