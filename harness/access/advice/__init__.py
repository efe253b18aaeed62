"""What a stack's policies grant, what its run used of them, and the smallest that would do."""
