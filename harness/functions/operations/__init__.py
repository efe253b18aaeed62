"""Lambda's operations, a group of the API each."""
