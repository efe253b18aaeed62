"""Measures the capacity profile of one instance, on this machine or behind a deployed endpoint.

A ``Subject`` (``subjects``) is the instance that is measured. ``loops`` sends requests to it and ``sweep`` says in
which order; ``function`` measures Lambda's own part, and ``document`` makes the profile.
"""
