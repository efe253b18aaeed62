"""Rehearse a Lambda + SageMaker + Application Auto Scaling stack offline, on one machine."""
