"""Capacity: what was measured, and what follows from it."""
