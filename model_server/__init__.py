"""The SageMaker container: GET /ping and POST /invocations over a folder in the layout of /opt/ml/model.

Two interchangeable servers keep the contract, and both run the official sagemaker-pytorch-inference toolkit's handler
in TorchServe's own Python worker: ``torchserve`` (Java in front of the workers) and ``asgi`` (no Java).
"""
