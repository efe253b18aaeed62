"""SageMaker Runtime: requests to the endpoints."""
