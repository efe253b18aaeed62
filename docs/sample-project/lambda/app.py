"""Answers {"rides": [{"km": ..., "minutes": ...}]} with what each ride costs."""

import json
import os

import boto3

runtime = boto3.client("sagemaker-runtime")


def handler(event, context):
    try:
        rides = [[float(ride["km"]), float(ride["minutes"])] for ride in event["rides"]]
    except (KeyError, TypeError, ValueError):
        return {"statusCode": 400, "body": json.dumps({"error": "rides is a list of {km, minutes}"})}
    answer = runtime.invoke_endpoint(
        EndpointName=os.environ["ENDPOINT_NAME"], ContentType="application/json", Body=json.dumps(rides)
    )
    return {"statusCode": 200, "body": json.dumps({"fares": json.loads(answer["Body"].read())})}
