"""Finds the cheapest setting that meets an objective: screening of many, racing of the best, and what is to be known of
the one that won.

``choices`` is what may be chosen and ``space`` where to look, ``replication`` one simulated run and ``engine`` who
computes them, ``screening``, ``racing``, ``front``, ``breaking`` and ``sensitivity`` the steps, ``find`` their order.
"""
