"""The operations of the service ``sagemaker``, one module for each family."""
