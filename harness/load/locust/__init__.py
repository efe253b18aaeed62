"""The parts of locust that locustfiles use: users that sign requests, open-loop scenarios, recorded runs.

Importing locust patches the standard library for gevent, so nothing outside a locust process imports from here.
"""
