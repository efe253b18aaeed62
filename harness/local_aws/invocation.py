"""Invokes a Lambda function of a local AWS as `harness invoke` does."""

from __future__ import annotations

import base64

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from harness.core.errors import HarnessError
from harness.local_aws.session import administrator_session

# A Lambda may run for 15 minutes; boto3's own default gives up after one.
_INVOKE_SECONDS = 910


def invoke_function(url: str, region: str, function: str, payload: bytes) -> tuple[str, str, str]:
    """The function's answer, the tail of its log, and its FunctionError or "".

    Raises HarnessError if nothing answers, or if the call is refused.
    """
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
