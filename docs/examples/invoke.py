"""Call a function and an endpoint of a deployed stack with plain boto3.

eval "$(harness up)"; harness deploy fixtures/dog_breed/stack.toml
python docs/examples/invoke.py dog-breed dog-breed-endpoint fixtures/dog_breed/event.json
"""

import sys
from pathlib import Path

import boto3

function, endpoint, event = sys.argv[1:]
body = Path(event).read_bytes()
answer = boto3.client("lambda").invoke(FunctionName=function, Payload=body)
print("function:", answer["StatusCode"], answer["Payload"].read().decode()[:120])
runtime = boto3.client("sagemaker-runtime")
answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=body)
print("endpoint:", answer["InvokedProductionVariant"], answer["Body"].read().decode()[:120])
