"""The SageMaker container: serves GET /ping and POST /invocations from a folder laid out like /opt/ml/model.

Two interchangeable servers keep the contract: ``torchserve`` (Java in front of the workers) and ``asgi`` (no Java).
Both run the official sagemaker-pytorch-inference toolkit's handler in TorchServe's own Python worker.
"""
