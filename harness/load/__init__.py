"""Load: locust parts for signed AWS requests, and the run store that keeps what they measured.

``users``, ``options``, ``recording`` and ``recorder`` are for locustfiles: importing locust patches the standard
library for gevent. The other modules import neither, so that a report or a command may use them in an ordinary process.
"""
