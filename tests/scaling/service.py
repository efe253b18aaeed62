"""The scaling service on virtual time, with stand-ins for SageMaker and Lambda, and a real backend's CloudWatch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from harness.backend.metrics import Metrics, Series
from harness.core.calls import Call, Principal
from harness.core.clock import VirtualClock
from harness.core.errors import AwsError
from harness.scaling.api import Scaling
from tests.support import ACCOUNT, REGION, Aws, unique

VARIANT = {"ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
ALIAS = {"ServiceNamespace": "lambda", "ScalableDimension": "lambda:function:ProvisionedConcurrency"}
# CloudWatch takes no data from far away: a whole minute some hours ago.
START = (datetime.now(UTC) - timedelta(hours=3)).replace(minute=0, second=0, microsecond=0).timestamp()


class _Double:
    def delegates(self, operation: str) -> bool:
        return False

    def resources(self, operation: str, request: Mapping[str, Any], call: Call) -> Iterable[str]:
        return ("*",)


class Hosting(_Double):
    """A stand-in for SageMaker: endpoints with one variant ``AllTraffic``. provisioning: seconds of an update."""

    service_name: ClassVar[str] = "sagemaker"

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.provisioning = 60.0
        self.instance_type = "ml.m5.large"
        self.refusal = ""
        self.gives_up = False
        self.counts: dict[str, list[int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def describe_endpoint(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request["EndpointName"]
        if name not in self.counts:
            raise AwsError("ValidationException", f'Could not find endpoint "{name}".')
        current, desired = self.counts[name]
        variant = {"VariantName": "AllTraffic", "CurrentInstanceCount": current, "DesiredInstanceCount": desired}
        status = "InService" if current == desired else "Updating"
        return {"EndpointConfigName": name, "EndpointStatus": status, "ProductionVariants": [variant]}

    async def describe_endpoint_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"ProductionVariants": [{"VariantName": "AllTraffic", "InstanceType": self.instance_type}]}

    async def update_endpoint_weights_and_capacities(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        if self.refusal:
            raise AwsError("ResourceLimitExceeded", self.refusal)
        (change,) = request["DesiredWeightsAndCapacities"]
        counts = self.counts[request["EndpointName"]]
        assert counts[0] == counts[1], "an endpoint that is Updating cannot be updated"
        before, counts[1] = counts[1], change["DesiredInstanceCount"]

        async def settle() -> None:
            await self._clock.sleep(self.provisioning)
            counts[1 if self.gives_up else 0] = before if self.gives_up else counts[1]

        task = asyncio.create_task(settle())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return {}


class Functions(_Double):
    """A stand-in for Lambda: provisioned concurrency of aliases, ready at once."""

    service_name: ClassVar[str] = "lambda"

    def __init__(self) -> None:
        self.provisioned: dict[tuple[str, str], int] = {}

    async def get_alias(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        if (request["FunctionName"], request["Name"]) not in self.provisioned:
            raise AwsError("ResourceNotFoundException", f"Cannot find alias {request['Name']}", 404)
        return {}

    async def get_provisioned_concurrency_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        number = self.provisioned[request["FunctionName"], request["Qualifier"]]
        if not number:
            raise AwsError("ProvisionedConcurrencyConfigNotFoundException", "No Provisioned Concurrency Config", 404)
        return {
            "AllocatedProvisionedConcurrentExecutions": number,
            "RequestedProvisionedConcurrentExecutions": number,
            "Status": "READY",
        }

    async def put_provisioned_concurrency_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        alias = request["FunctionName"], request["Qualifier"]
        self.provisioned[alias] = request["ProvisionedConcurrentExecutions"]
        return {}

    async def delete_provisioned_concurrency_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        self.provisioned[request["FunctionName"], request["Qualifier"]] = 0
        return {}


class VirtualService:
    """The scaling service; run() makes it look at its targets every ten virtual seconds."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.clock = VirtualClock(START)
        self.metrics = Metrics(aws.local.backend, self.clock)
        self.hosting = Hosting(self.clock)
        self.functions = Functions()
        services: dict[str, Any] = {"sagemaker": self.hosting, "lambda": self.functions}
        self.scaling = Scaling(aws.local.backend, self.clock, self.metrics, services)
        self.cloudwatch = aws.client("cloudwatch")

    async def __aenter__(self) -> VirtualService:
        await self.metrics.start()
        self.scaling.start_writing()
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self.scaling.close()
        await self.metrics.close()

    async def run(self, seconds: float) -> None:
        for _ in range(int(seconds // 10)):
            await self.clock.advance(10)
            await self.scaling.look(self.clock.now())

    async def call(self, operation: str, **request: Any) -> dict[str, Any]:
        principal = Principal(f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, "root")
        call = Call("application-autoscaling", operation, principal, ACCOUNT, REGION, "id")
        response: dict[str, Any] = await getattr(self.scaling, operation)(call, request)
        return response

    def endpoint(self, count: int = 1) -> dict[str, str]:
        """Makes an endpoint. Returns the members that name its variant in requests."""
        name = unique("endpoint")
        self.hosting.counts[name] = [count, count]
        return {**VARIANT, "ResourceId": f"endpoint/{name}/variant/AllTraffic"}

    def alias(self, provisioned: int = 1) -> dict[str, str]:
        """Makes a function with an alias ``live``. Returns the members that name it in requests."""
        name = unique("function")
        self.functions.provisioned[name, "live"] = provisioned
        return {**ALIAS, "ResourceId": f"function:{name}:live"}

    async def registered(self, minimum: int = 1, maximum: int = 4, count: int = 1) -> dict[str, str]:
        resource = self.endpoint(count)
        await self.call("register_scalable_target", **resource, MinCapacity=minimum, MaxCapacity=maximum)
        return resource

    async def tracked(self, resource: Mapping[str, str], target: float = 5, **settings: Any) -> dict[str, Any]:
        """Puts a target tracking policy ``p`` on invocations per instance."""
        return await self.call(
            "put_scaling_policy",
            **resource,
            PolicyName="p",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=invocations(target, **settings),
        )

    async def alarm_on_load(self, resource: Mapping[str, str], policy: Mapping[str, Any], **alarm: Any) -> str:
        """Puts a user's own alarm on invocations per instance, with the policy as its action. Returns its name."""
        name, endpoint = unique("alarm"), resource["ResourceId"].split("/")[1]
        await asyncio.to_thread(
            self.cloudwatch.put_metric_alarm,
            AlarmName=name,
            AlarmActions=[policy["PolicyARN"]],
            Namespace="AWS/SageMaker",
            MetricName="InvocationsPerInstance",
            Period=60,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "AllTraffic"}],
            **alarm,
        )
        return name

    def load(self, resource: Mapping[str, str], per_minute: Callable[[], float]) -> None:
        """Records invocations per minute, divided by the instances in service, as SageMaker does."""
        name = resource["ResourceId"].split("/")[1]
        series = Series(
            "AWS/SageMaker",
            "InvocationsPerInstance",
            (("EndpointName", name), ("VariantName", "AllTraffic")),
            "None",
            REGION,
        )
        self.metrics.sample(60, lambda: [(series, per_minute() / self.hosting.counts[name][0])])

    def counts(self, resource: Mapping[str, str]) -> tuple[int, int]:
        """Returns the current and the desired number of instances."""
        current, desired = self.hosting.counts[resource["ResourceId"].split("/")[1]]
        return current, desired

    async def activities(self, resource: Mapping[str, str], **more: Any) -> list[dict[str, Any]]:
        response = await self.call("describe_scaling_activities", **resource, **more)
        return list(response["ScalingActivities"])

    async def alarms(self, resource: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Returns the policy's alarms in CloudWatch, by High and Low."""
        await self.scaling.flush_alarms()
        prefix = f"TargetTracking-{resource['ResourceId']}-Alarm"
        response = await asyncio.to_thread(self.cloudwatch.describe_alarms, AlarmNamePrefix=prefix)
        return {alarm["AlarmName"].removeprefix(prefix).split("-")[0]: alarm for alarm in response["MetricAlarms"]}


def invocations(target: float = 5, **settings: Any) -> dict[str, Any]:
    metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    return {"TargetValue": target, "PredefinedMetricSpecification": metric, **settings}
