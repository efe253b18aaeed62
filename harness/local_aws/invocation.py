"""A Lambda invocation as a user of the command line sees it, with the key that is the harness's own."""

from __future__ import annotations

import base64
import os

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from harness.core.environment import ADMINISTRATOR_KEY, ADMINISTRATOR_SECRET, OWN_KEY_VARIABLE, harness_url
from harness.core.errors import HarnessError

# A Lambda may run for 15 minutes; boto3's own default gives up after one.
_INVOKE_SECONDS = 910


def administrator_session(url: str | None = None) -> boto3.Session:
    """A boto3 session with the key that every harness knows; or with the environment's, where `harness up` has put one
    there for the harness at ``url``. An AWS account's key that happens to be there never goes to a harness."""
    own = os.environ.get(OWN_KEY_VARIABLE)
    if own and own == os.environ.get("AWS_ACCESS_KEY_ID") and url in (None, harness_url()):
        return boto3.Session()
    return boto3.Session(aws_access_key_id=ADMINISTRATOR_KEY, aws_secret_access_key=ADMINISTRATOR_SECRET)


def invoke_function(url: str, region: str, function: str, payload: bytes) -> tuple[str, str, str]:
    """The function's answer, the tail of its log, and its FunctionError or "". Raises HarnessError for a refusal."""
    config = Config(read_timeout=_INVOKE_SECONDS, retries={"total_max_attempts": 1})
    client = administrator_session(url).client("lambda", region_name=region, endpoint_url=url, config=config)
    try:
        answer = client.invoke(FunctionName=function, Payload=payload, LogType="Tail")
    except EndpointConnectionError:
        raise HarnessError(f"Nothing answers at {url}: bring the local AWS up with `harness up`.") from None
    except ClientError as error:
        details = error.response["Error"]
        raise HarnessError(f"Invoke was refused: {details['Code']}: {details['Message']}") from None
    except BotoCoreError as error:
        raise HarnessError(f"Invoke failed: {error}") from None
    log = base64.b64decode(answer.get("LogResult", "")).decode("utf-8", "replace")
    return answer["Payload"].read().decode("utf-8", "replace"), log, answer.get("FunctionError", "")
