"""AWS's wire formats, driven by the service models that boto3 itself ships (the server's side of botocore)."""
