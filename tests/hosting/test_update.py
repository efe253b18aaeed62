"""UpdateEndpoint and UpdateEndpointWeightsAndCapacities, through boto3, on hand-held instances."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.hosting.hands import Held
from tests.support import ACCOUNT


def update(held: Held, name: str, config: str, **members: Any) -> None:
    held.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, **members)


def scale(held: Held, name: str, *changes: dict[str, Any]) -> None:
    held.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=list(changes))


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def counts(description: dict[str, Any]) -> dict[str, tuple[int, int, float]]:
    """Current count, desired count and current weight by variant."""
    return {
        variant["VariantName"]: (
            variant["CurrentInstanceCount"],
            variant["DesiredInstanceCount"],
            variant["CurrentWeight"],
        )
        for variant in description["ProductionVariants"]
    }


class TestBlueGreen:
    def test_the_old_fleet_serves_until_the_new_one_is_ready(self, held: Held) -> None:
        name = held.endpoint(held.config())
        (old,) = held.hands.of(name)
        new = held.config({"count": 2})
        held.hands.ready.clear()
        update(held, name, new)
        description = held.describe(name)
        assert description["EndpointStatus"] == "Updating"
        held.until(lambda: held.describe(name).get("PendingDeploymentSummary", {}).get("ProductionVariants"))
        assert held.describe(name)["PendingDeploymentSummary"]["EndpointConfigName"] == new
        before = len(old.requests)
        held.invoke(name)
        assert len(old.requests) == before + 1
        held.aws.run(held.hands.open())
        description = held.settled(name)
        assert (description["EndpointStatus"], description["EndpointConfigName"], counts(description)) == (
            "InService",
            new,
            {"v": (2, 2, 1.0)},
        )
        assert old.stopped
        held.invoke(name)
        assert len(old.requests) == before + 1

    def test_a_failed_update_rolls_back_and_says_why(self, held: Held) -> None:
        config = held.config()
        name = held.endpoint(config)
        held.hands.broken["next"] = "no such breed list"
        update(held, name, held.config({"name": "next"}))
        description = held.settled(name)
        assert (description["EndpointStatus"], description["EndpointConfigName"]) == ("InService", config)
        assert "no such breed list" in description["FailureReason"]
        assert held.invoke(name)["InvokedProductionVariant"] == "v"
        assert not held.hands.of(name, "next")

    def test_an_endpoint_that_is_updating_refuses_another_update(self, held: Held) -> None:
        config = held.config()
        name = held.endpoint(config)
        held.hands.ready.clear()
        update(held, name, held.config())
        arn = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/{name}"
        expected = ("ValidationException", f'Cannot update in-progress endpoint "{arn}".')
        with pytest.raises(ClientError) as error:
            update(held, name, config)
        assert refusal(error) == expected
        with pytest.raises(ClientError) as error:
            scale(held, name, {"VariantName": "v", "DesiredInstanceCount": 2})
        assert refusal(error) == expected
        with pytest.raises(ClientError) as error:
            held.sagemaker.delete_endpoint(EndpointName=name)
        assert refusal(error) == expected
        held.aws.run(held.hands.open())
        held.settled(name)

    def test_variant_properties_are_the_configurations_unless_retained(self, held: Held) -> None:
        """RetainAllVariantProperties and ExcludeRetainedVariantProperties (botocore, UpdateEndpointInput)."""
        name = held.endpoint(held.config())
        scale(held, name, {"VariantName": "v", "DesiredInstanceCount": 3, "DesiredWeight": 0.25})
        held.settled(name)
        update(held, name, held.config(), RetainAllVariantProperties=True)
        assert counts(held.settled(name)) == {"v": (3, 3, 0.25)}
        excluded = [{"VariantPropertyType": "DesiredInstanceCount"}]
        update(
            held,
            name,
            held.config({"count": 2}),
            RetainAllVariantProperties=True,
            ExcludeRetainedVariantProperties=excluded,
        )
        assert counts(held.settled(name)) == {"v": (2, 2, 0.25)}
        update(held, name, held.config())
        assert counts(held.settled(name)) == {"v": (1, 1, 1.0)}

    def test_the_old_fleet_is_kept_for_the_termination_wait(self, held: Held) -> None:
        name = held.endpoint(held.config())
        (old,) = held.hands.of(name)
        policy = {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}}
        deployed = {"BlueGreenUpdatePolicy": {**policy, "TerminationWaitInSeconds": 120}}
        update(held, name, held.config(), DeploymentConfig=deployed)
        held.until(lambda: len(held.hands.of(name)) == 2)
        held.advance(119)
        description = held.describe(name)
        assert (old.stopped, description["EndpointStatus"], "PendingDeploymentSummary" in description) == (
            False,
            "Updating",
            False,
        )
        held.advance(1)
        assert held.settled(name)["LastDeploymentConfig"] == deployed
        assert old.stopped

    def test_the_last_deployments_configuration_may_be_used_again(self, held: Held) -> None:
        """RetainDeploymentConfig (botocore, UpdateEndpointInput)."""
        name = held.endpoint(held.config())
        routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
        deployed = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": 0}}
        update(held, name, held.config(), DeploymentConfig=deployed)
        held.settled(name)
        for members, kept in (({"RetainDeploymentConfig": True}, True), ({}, False)):
            update(held, name, held.config(), **members)
            assert ("LastDeploymentConfig" in held.settled(name)) is kept

    @pytest.mark.parametrize("kind", ["CANARY", "LINEAR"])
    def test_an_unsupported_deployment_is_refused_and_changes_nothing(self, held: Held, kind: str) -> None:
        name = held.endpoint(held.config())
        policy = {"TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": 0}}
        with pytest.raises(ClientError, match="are not part of this harness"):
            update(held, name, held.config(), DeploymentConfig={"BlueGreenUpdatePolicy": policy})
        assert held.describe(name)["EndpointStatus"] == "InService"

    def test_unknown_names(self, held: Held) -> None:
        name = held.endpoint(held.config())
        with pytest.raises(ClientError, match="Could not find endpoint configuration"):
            update(held, name, "none")
        with pytest.raises(ClientError, match='Could not find endpoint "'):
            update(held, "none", "none")

    def test_a_failed_endpoint_can_only_be_deleted(self, held: Held) -> None:
        held.hands.broken["v"] = "broken"
        config = held.config()
        name = held.endpoint(config, wait=False)
        assert held.settled(name)["EndpointStatus"] == "Failed"
        with pytest.raises(ClientError, match="Cannot update failed endpoint"):
            update(held, name, config)
        held.sagemaker.delete_endpoint(EndpointName=name)


class TestWeightsAndCapacities:
    def test_more_and_fewer_instances(self, held: Held) -> None:
        name = held.endpoint(held.config())
        scale(held, name, {"VariantName": "v", "DesiredInstanceCount": 4})
        assert counts(held.settled(name)) == {"v": (4, 4, 1.0)}
        scale(held, name, {"VariantName": "v", "DesiredInstanceCount": 1})
        assert counts(held.settled(name)) == {"v": (1, 1, 1.0)}
        assert len(held.hands.of(name)) == 1

    def test_an_instance_takes_its_provisioning_delay(self, held: Held) -> None:
        name = held.endpoint(held.config(), wait=False, provisioning_seconds=180)
        held.until(lambda: held.clock._sleepers)
        assert held.describe(name)["EndpointStatus"] == "Creating"
        held.until(lambda: held.describe(name).get("ProductionVariants"))
        held.advance(180)
        assert held.settled(name)["EndpointStatus"] == "InService"
        scale(held, name, {"VariantName": "v", "DesiredInstanceCount": 2})
        description = held.describe(name)
        assert (description["EndpointStatus"], counts(description)) == ("Updating", {"v": (1, 2, 1.0)})
        held.advance(179)
        assert counts(held.describe(name)) == {"v": (1, 2, 1.0)}
        held.advance(1)
        assert counts(held.settled(name)) == {"v": (2, 2, 1.0)}

    def test_a_count_that_cannot_be_reached_is_rolled_back(self, held: Held) -> None:
        name = held.endpoint(held.config({"name": "a"}, {"name": "b", "count": 2}))
        held.hands.broken["a"] = "out of memory"
        scale(
            held,
            name,
            {"VariantName": "a", "DesiredInstanceCount": 3, "DesiredWeight": 5},
            {"VariantName": "b", "DesiredInstanceCount": 1},
        )
        description = held.settled(name)
        assert counts(description) == {"a": (1, 1, 1.0), "b": (2, 2, 1.0)}
        assert "out of memory" in description["FailureReason"]
        assert held.invoke(name, TargetVariant="a")["InvokedProductionVariant"] == "a"

    def test_traffic_follows_the_weights(self, held: Held) -> None:
        name = held.endpoint(held.config({"name": "a", "weight": 1.0}, {"name": "b", "weight": 0.0}))
        assert {held.invoke(name)["InvokedProductionVariant"] for _ in range(10)} == {"a"}
        scale(held, name, {"VariantName": "b", "DesiredWeight": 3})
        held.settled(name)
        found = [held.invoke(name)["InvokedProductionVariant"] for _ in range(200)]
        assert 125 <= found.count("b") <= 175

    def test_an_unknown_variant(self, held: Held) -> None:
        config = held.config()
        name = held.endpoint(config)
        with pytest.raises(ClientError) as error:
            scale(held, name, {"VariantName": "w", "DesiredInstanceCount": 2})
        message = f'The variant name(s) "w" is/are not present within endpoint configuration "{config}".'
        assert refusal(error) == ("ValidationException", message)

    def test_a_variant_named_twice(self, held: Held) -> None:
        """In the words that moto has of AWS."""
        name, change = held.endpoint(held.config()), {"VariantName": "v", "DesiredInstanceCount": 2}
        with pytest.raises(ClientError) as error:
            scale(held, name, change, change)
        assert refusal(error) == ("ValidationException", 'The variant name "v" was non-unique within the request.')

    def test_a_real_time_variant_has_at_least_one_instance(self, held: Held) -> None:
        name = held.endpoint(held.config())
        with pytest.raises(ClientError, match="at least 1"):
            scale(held, name, {"VariantName": "v", "DesiredInstanceCount": 0})
        assert held.describe(name)["EndpointStatus"] == "InService"


def test_the_aws_command_line_updates_scales_and_invokes(held: Held, tmp_path: Path) -> None:
    name, config = held.endpoint(held.config()), held.config({"count": 2})

    def aws(*arguments: str) -> None:
        command = [str(Path(sys.executable).parent / "aws"), *arguments]
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": held.aws.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    aws("sagemaker", "update-endpoint", "--endpoint-name", name, "--endpoint-config-name", config)
    aws("sagemaker", "wait", "endpoint-in-service", "--endpoint-name", name)
    change = "VariantName=v,DesiredInstanceCount=3"
    scaling = ["sagemaker", "update-endpoint-weights-and-capacities", "--endpoint-name", name]
    aws(*scaling, "--desired-weights-and-capacities", change)
    assert counts(held.settled(name)) == {"v": (3, 3, 1.0)}
    output = tmp_path / "answer.json"
    body = tmp_path / "body.json"
    body.write_text("{}")
    aws("sagemaker-runtime", "invoke-endpoint", "--endpoint-name", name, "--body", f"fileb://{body}", str(output))
    assert json.loads(output.read_text())["echo"] == "{}"
