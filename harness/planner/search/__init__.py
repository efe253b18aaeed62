"""Finds the cheapest settings that meet an objective: screens many candidates, races the best, and examines the winner.

A ``Candidate`` (``candidates``) stands for the settings of a stack; its ``PolicyKind`` (``policy_kinds``) says how the
fleet scales, and the ``SearchSpace`` (``space``) says where to look. A ``Replication`` is one simulated run, which an
engine (``engine``) computes; the ``Evaluator`` (``evaluator``) runs trials and turns their replications into figures.
``screening``, ``racing``, ``front``, ``breaking`` and ``sensitivity`` are the search's steps, and ``find`` their order.
"""
