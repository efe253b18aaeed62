"""A plan's settings run live on twins, in sped-up time, and what was predicted for the same run beside it.

``excerpt`` is the part of the traffic that is run and ``sped_up`` the settings as they are at that speed; ``live`` runs
them through the gateway, the function and locust, ``confirm`` puts both together.
"""
