"""Deploys and predicts with the SageMaker Python SDK 3.x, in its own environment: ``with_v3.py ROLE BUCKET CODE``.

The code is in the archive already: nothing of CODE is read.
"""

import json
import sys
from importlib.metadata import version

from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.core.shapes import ContainerDefinition, ProductionVariant

role, bucket, _ = sys.argv[1:]
NAME = f"{bucket}-v3"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker"

container = ContainerDefinition(image=IMAGE, model_data_url=f"s3://{bucket}/with_code.tar.gz")
model = Model.create(model_name=NAME, primary_container=container, execution_role_arn=role)
variant = ProductionVariant(
    variant_name="AllTraffic", model_name=NAME, initial_instance_count=1, instance_type="ml.m5.large"
)
config = EndpointConfig.create(endpoint_config_name=NAME, production_variants=[variant])
endpoint = Endpoint.create(endpoint_name=NAME, endpoint_config_name=NAME)
endpoint.wait_for_status("InService", poll=1, timeout=120)
answer = json.loads(
    endpoint.invoke(body=json.dumps({"breed": "Carolina"}).encode(), content_type="application/json").body.read()
)
print(json.dumps({"sdk": version("sagemaker"), "answers": [answer["echo"]], "instances": 1}))
endpoint.delete()
config.delete()
model.delete()
