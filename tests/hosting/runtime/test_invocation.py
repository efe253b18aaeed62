"""InvokeEndpoint on hand-held instances: requests, answers and failures."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.core.calls import Call, Principal
from harness.core.errors import AwsError
from harness.hosting.instances.base import Answer, InvocationFailed, MalformedAnswer
from harness.hosting.runtime.api import HostingRuntime
from tests.hosting.hands import Held
from tests.support import ACCOUNT, REGION


@pytest.fixture
def name(held: Held) -> str:
    return held.endpoint(held.config())


def set_answer(held: Held, answer: Answer | Exception, variant: str = "v") -> None:
    def give(body: bytes, headers: Mapping[str, str]) -> Answer:
        if isinstance(answer, Exception):
            raise answer
        return answer

    held.hands.answer[variant] = give


def failure(held: Held, name: str, **members: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as refused:
        held.invoke(name, **members)
    return dict(refused.value.response)


class TestRequest:
    def test_what_the_caller_sends_reaches_the_container(self, held: Held, name: str) -> None:
        """Request headers (botocore, InvokeEndpointInput)."""
        held.invoke(
            name,
            b"\x00dog",
            ContentType="image/jpeg",
            Accept="text/csv",
            CustomAttributes="trace=1",
            InferenceId="id-1",
        )
        (instance,) = held.hands.of(name)
        assert instance.requests[-1] == (
            b"\x00dog",
            {
                "Content-Type": "image/jpeg",
                "Accept": "text/csv",
                "X-Amzn-SageMaker-Custom-Attributes": "trace=1",
                "X-Amzn-SageMaker-Inference-Id": "id-1",
            },
        )

    def test_a_body_of_6_mb_is_accepted_and_a_larger_one_refused(self, held: Held, name: str) -> None:
        held.hands.answer["v"] = lambda body, headers: {"length": len(body)}
        assert json.loads(held.invoke(name, bytes(6_291_456))["Body"]) == {"length": 6_291_456}
        refusal = failure(held, name, body=bytes(6_291_457))
        assert refusal["ResponseMetadata"]["HTTPStatusCode"] == 413
        assert refusal["Error"] == {"Code": "413", "Message": "HTTP content length exceeded 6291456 bytes."}

    @pytest.mark.parametrize(("target", "invoked"), [("a", "a"), ("b", "b")])
    def test_a_target_variant_overrides_the_weights(self, held: Held, target: str, invoked: str) -> None:
        name = held.endpoint(held.config({"name": "a"}, {"name": "b", "weight": 0.0}))
        assert held.invoke(name, TargetVariant=target)["InvokedProductionVariant"] == invoked

    def test_an_inference_component_of_an_endpoint_that_has_none(self, held: Held, name: str) -> None:
        """(public logs)"""
        refusal = failure(held, name, InferenceComponentName="base")
        assert refusal["Error"]["Code"] == "ValidationError"
        assert refusal["Error"]["Message"].startswith("Inference Component Name header is not allowed for endpoints")

    def test_an_unknown_target_variant(self, held: Held, name: str) -> None:
        refusal = failure(held, name, TargetVariant="w")
        assert refusal["Error"]["Code"] == "ValidationError"


class TestAnswer:
    def test_headers_that_the_container_sets_come_back(self, held: Held, name: str) -> None:
        headers = {"Content-Type": "text/csv; charset=utf-8", "X-Amzn-SageMaker-Custom-Attributes": "seen"}
        set_answer(held, Answer(200, "OK", headers, b"1,2"))
        answer = held.invoke(name)
        assert (answer["Body"], answer["ContentType"]) == (b"1,2", "text/csv; charset=utf-8")
        assert (answer["CustomAttributes"], answer["InvokedProductionVariant"]) == ("seen", "v")
        # AWS does not tell which instance it was; the load generator records it.
        assert answer["ResponseMetadata"]["HTTPHeaders"]["x-harness-instance"] == "0"

    @pytest.mark.parametrize(
        ("status", "side"), [(400, "client"), (404, "client"), (500, "server"), (503, "server"), (302, "server")]
    )
    def test_an_answer_that_is_not_a_success_is_a_model_error(
        self, held: Held, name: str, status: int, side: str
    ) -> None:
        """That includes the model server's 503 for a full queue, since SageMaker has no queue."""
        set_answer(held, Answer(status, "No", {}, b"why"))
        refusal = failure(held, name)
        assert (refusal["Error"]["Code"], refusal["ResponseMetadata"]["HTTPStatusCode"]) == ("ModelError", 424)
        assert (refusal["OriginalStatusCode"], refusal["OriginalMessage"]) == (status, "why")
        assert refusal["ResponseMetadata"]["HTTPHeaders"]["x-harness-instance"] == "0"
        assert refusal["Error"]["Message"].startswith(
            f'Received {side} error ({status}) from primary with message "why".'
        )

    def test_a_container_that_dies_with_the_request(self, held: Held, name: str) -> None:
        set_answer(held, InvocationFailed("ServerDisconnectedError: Server disconnected"))
        refusal = failure(held, name)
        assert refusal["OriginalStatusCode"] == 0
        assert refusal["OriginalMessage"] == "An error occurred while handling request as the model process exited."

    def test_a_container_that_answers_garbage(self, held: Held, name: str) -> None:
        set_answer(held, MalformedAnswer("400, message='Bad status line'"))
        assert failure(held, name)["OriginalMessage"] == "The response of container primary is not valid HTTP."

    def test_a_container_that_never_answers(self, held: Held, name: str) -> None:
        """60 s on AWS; here the limit is handed in."""

        async def never() -> None:
            await asyncio.Event().wait()

        held.hands.answer["v"] = lambda body, headers: never()
        runtime = HostingRuntime(held.aws.local.hosting, invocation_seconds=0.05)
        root = Principal(f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, "root")
        call = Call("sagemaker-runtime", "InvokeEndpoint", root, ACCOUNT, REGION, str(uuid.uuid4()))
        with pytest.raises(AwsError) as refused:
            held.aws.run(runtime.invoke_endpoint(call, {"EndpointName": name, "Body": b""}))
        assert (refused.value.code, refused.value.status, refused.value.fields["OriginalStatusCode"]) == (
            "ModelError",
            424,
            0,
        )
        assert "timed out while waiting for a response from container primary" in refused.value.message

    def test_requests_beyond_the_stacks_limit_are_throttled(self, held: Held) -> None:
        """Status 400, and a message of null (opensearch ml-commons#2429)."""
        name = held.endpoint(held.config(), concurrent_requests=1)
        came, gate = asyncio.Event(), asyncio.Event()

        async def held_back() -> dict[str, Any]:
            came.set()
            await gate.wait()
            return {}

        async def set_it(event: asyncio.Event) -> None:
            event.set()

        held.hands.answer["v"] = lambda body, headers: held_back()
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(held.invoke, name)
            held.until(came.is_set)
            refusal = failure(held, name)
            held.aws.run(set_it(gate))
            assert first.result(20)["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert (refusal["Error"]["Code"], refusal["Error"]["Message"]) == ("ThrottlingException", None)
        assert refusal["ResponseMetadata"]["HTTPStatusCode"] == 400

    def test_no_instance_in_service(self, held: Held, name: str) -> None:
        held.hands.ready.clear()
        (instance,) = held.hands.of(name)

        async def end() -> None:
            instance.ended.set()

        held.aws.run(end())
        held.until(lambda: held.describe(name)["ProductionVariants"][0]["CurrentInstanceCount"] == 0)
        refusal = failure(held, name)
        assert (refusal["Error"]["Code"], refusal["ResponseMetadata"]["HTTPStatusCode"]) == ("ServiceUnavailable", 503)


class TestShadows:
    """Shadow variants get copies of requests by weight, and their answers are dropped (SM guide, shadow-tests)."""

    def shadowed(self, held: Held, weight: float) -> str:
        model = held.model()
        shadow = {"VariantName": "shadow", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        return held.endpoint(held.config(ShadowProductionVariants=[{**shadow, "InitialVariantWeight": weight}]))

    def test_all_requests_are_copied_at_equal_weights(self, held: Held) -> None:
        name = self.shadowed(held, 1.0)
        set_answer(held, Answer(500, "No", {}, b"dropped"), variant="shadow")
        for number in range(5):
            assert held.invoke(name, b"%d" % number)["InvokedProductionVariant"] == "v"
        (shadow,) = held.hands.of(name, "shadow")
        held.until(lambda: [body for body, _ in shadow.requests] == [b"0", b"1", b"2", b"3", b"4"])
        (described,) = held.describe(name)["ShadowProductionVariants"]
        assert (described["VariantName"], described["CurrentInstanceCount"]) == ("shadow", 1)

    def test_a_share_of_the_requests_is_copied_at_a_lower_weight(self, held: Held) -> None:
        name = self.shadowed(held, 0.5)
        for _ in range(100):
            held.invoke(name)
        (shadow,) = held.hands.of(name, "shadow")
        assert 30 <= len(shadow.requests) <= 70

    def test_a_shadows_metrics_are_recorded(self, held: Held) -> None:
        name = self.shadowed(held, 1.0)
        held.invoke(name)
        (shadow,) = held.hands.of(name, "shadow")
        held.until(lambda: shadow.requests)
        held.advance(61)
        assert held.metric("Invocations", EndpointName=name, VariantName="shadow")[-1].total == 1
