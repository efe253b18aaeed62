"""What access costs: decisions a second on one core, and the time that it adds to a request of a role.

``make bench`` runs this. It records figures and asserts no times. It measures CPU time, on which other programs of the
machine have less influence.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from typing import Any

from harness.access.directory import Directory
from harness.access.identities import PolicyDocument, Role
from harness.access.rules.access_keys import AccessKey, Session
from harness.access.rules.call_log import CallLog
from harness.access.rules.context import Circumstances, RequestContext, Sender
from harness.access.rules.evaluation import AccessRequest, Policies, evaluate
from harness.access.rules.policy import Policy, parse_policy
from harness.access.rules.principals import session_caller
from harness.access.state import State
from harness.core.calls import Principal
from harness.gateway.authorizer import Authorizer, Identity, RequestDetails
from harness.gateway.identify import Head, credential_of
from tests.access.rules.test_signature import sign
from tests.benchmarks.figures import Table

ACCOUNT = "123456789012"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/dogs/dogs"
DECISIONS = 50_000


def full_access() -> Policy:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    entry = json.loads(aws_managed_policies_data)["AmazonSageMakerFullAccess"]
    return parse_policy("arn:aws:iam::aws:policy/AmazonSageMakerFullAccess", entry["Document"])


def requests() -> list[AccessRequest]:
    """Requests that are allowed and denied, with and without conditions."""
    caller, place = session_caller(SESSION), f"us-east-1:{ACCOUNT}"
    circumstances = Circumstances("us-east-1", ACCOUNT, time.time(), "127.0.0.1", {}, {})
    actions = [
        ("sagemaker:InvokeEndpoint", f"arn:aws:sagemaker:{place}:endpoint/dogs"),
        ("sagemaker:CreateModel", f"arn:aws:sagemaker:{place}:model/dogs"),
        ("sagemaker:CreateApp", f"arn:aws:sagemaker:{place}:app/d/u/t/n"),
        ("s3:GetObject", "arn:aws:s3:::sagemaker-dogs/model.tar.gz"),
        ("s3:PutObject", "arn:aws:s3:::private/x"),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/dogs"),
        ("logs:PutLogEvents", f"arn:aws:logs:{place}:log-group:/aws/lambda/dogs:log-stream:s"),
        ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{place}:secret:s"),
        ("application-autoscaling:PutScalingPolicy", f"arn:aws:application-autoscaling:{place}:scalable-target/*"),
        ("dynamodb:GetItem", f"arn:aws:dynamodb:{place}:table/t"),
    ]
    return [
        AccessRequest(caller, action, resource, RequestContext(Sender(caller), circumstances))
        for action, resource in actions
    ]


def test_decisions_a_second(figures: Table) -> None:
    policy = full_access()
    assert len(policy.statements) >= 40
    policies, access_requests = Policies(identity=(policy,)), requests()
    verdicts = [evaluate(request, policies).allowed for request in access_requests]
    assert True in verdicts
    assert False in verdicts
    rates = []
    for _ in range(5):
        begun = time.process_time()
        for _ in range(DECISIONS // len(access_requests)):
            for request in access_requests:
                evaluate(request, policies)
        rates.append(DECISIONS / (time.process_time() - begun))
    figures.add(
        "access",
        f"decisions on AmazonSageMakerFullAccess ({len(policy.statements)} statements), one core",
        statistics.median(rates),
        "a second",
        at_least=20_000,
        short=True,
    )


def directory_with_a_role(key_id: str, secret: str) -> tuple[Directory, AccessKey]:
    """An account with a role that has AmazonSageMakerFullAccess, and the key of a session of it."""
    state = State(ACCOUNT)
    account = state.account(ACCOUNT)
    text = json.dumps({"Version": "2012-10-17", "Statement": []})
    trust = PolicyDocument(text, parse_policy("trust", text, "trust"))
    role = Role(account_id=ACCOUNT, name="dogs", path="/", unique_id="AROADOGS", created=account.now(), trust=trust)
    role.inline["all"] = PolicyDocument("", full_access())
    account.add(role)
    key = AccessKey(
        key_id, ACCOUNT, role.unique_id, secret, issued=time.time(), session=Session("assumed-role", "dogs")
    )
    state.keys.add(key)
    backend: Any = None  # nothing here is read from it
    return Directory(backend, state), key


def test_microseconds_added_to_a_request_of_a_role(figures: Table) -> None:
    """Verifies the signature, authorizes the call by AmazonSageMakerFullAccess, and records the decision."""
    from harness.access.rules.actions import Need

    signed, message = sign("sagemaker", url="http://127.0.0.1:4566/endpoints/dogs/invocations", body=b"x" * 200)
    head = Head(message.method, message.path, message.query, message.headers)
    directory, key = directory_with_a_role(signed.access_key, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    authorizer = Authorizer(directory, CallLog(), {}, {})
    identity = Identity(Principal(SESSION, ACCOUNT, "assumed-role"), key)
    credential = credential_of(head)
    needs = (Need("sagemaker:InvokeEndpoint", (f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/dogs",)),)

    def verify() -> None:
        authorizer.verify(identity, credential, head, message.body, "rest-json")

    async def measure() -> tuple[float, float]:
        async def require() -> None:
            details = RequestDetails(head, "127.0.0.1", "us-east-1", {"EndpointName": "dogs"})
            await authorizer.require(identity, needs, details, "rest-json")

        await require()
        begun = time.process_time()
        for _ in range(5000):
            verify()
        between = time.process_time()
        for _ in range(5000):
            await require()
        return (between - begun) / 5000 * 1e6, (time.process_time() - between) / 5000 * 1e6

    rounds = [asyncio.run(measure()) for _ in range(5)]
    signature, access = (statistics.median(times) for times in zip(*rounds, strict=True))
    both = "CPU time to verify, authorize and record a role's request of 200 bytes"
    figures.add("access", both, signature + access, "us", at_most=50, short=True)
    figures.add("access", "of that, to verify its signature", signature, "us")
