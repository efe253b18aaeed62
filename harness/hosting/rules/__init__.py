"""What SageMaker hosting decides, as pure functions and values."""
