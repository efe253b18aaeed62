"""Deploys and predicts with the SageMaker Python SDK 2.x, in its own environment: ``with_v2.py ROLE BUCKET CODE``."""

import json
import sys

import sagemaker
from sagemaker.deserializers import JSONDeserializer
from sagemaker.pytorch import PyTorchModel
from sagemaker.serializers import JSONSerializer

role, bucket, code = sys.argv[1:]
# A bucket by name: to make one of its own the SDK asks an STS address that it spells out itself.
session = sagemaker.Session(default_bucket=bucket)
model = PyTorchModel(
    model_data=f"s3://{bucket}/model.tar.gz",
    role=role,
    entry_point="inference.py",
    source_dir=code,
    framework_version="2.6.0",
    py_version="py312",
    sagemaker_session=session,
)
predictor = model.deploy(
    initial_instance_count=1,
    instance_type="ml.m5.large",
    serializer=JSONSerializer(),
    deserializer=JSONDeserializer(),
)
first = predictor.predict({"breed": "Carolina"})
predictor.update_endpoint(initial_instance_count=2, instance_type="ml.m5.large")
second = predictor.predict({"breed": "Beagle"})
described = session.sagemaker_client.describe_endpoint(EndpointName=predictor.endpoint_name)
print(
    json.dumps(
        {
            "sdk": sagemaker.__version__,
            "answers": [first["echo"], second["echo"]],
            "instances": described["ProductionVariants"][0]["CurrentInstanceCount"],
        }
    )
)
predictor.delete_model()
predictor.delete_endpoint()
