"""Load: schedules of arrivals, the traffic they come from, and the run store that keeps what locust measured.

Every module here imports in any process; only those in ``load.locust`` import gevent and locust, which patch the
standard library.
"""
