"""Measures the capacity profile of one instance: on this machine, or behind an endpoint that is deployed.

``subjects`` is what is measured, ``loops`` how requests are sent, ``sweep`` the order of it all, ``function`` Lambda's
own part, ``document`` the profile that comes of it.
"""
