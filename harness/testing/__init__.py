"""What the pytest plugin gives to a test: a local AWS, deployed stacks, its clock, and load with assertions."""
