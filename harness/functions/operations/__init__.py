"""Lambda's operations: each module has one group of the API."""
