"""A plan asked through AWS's own API: boto3's Inference Recommender at the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.core.errors import HarnessError
from harness.planner.hand_over import hand_over, planned_endpoint
from harness.planner.plan import Plan
from harness.planner.search.find import OWN
from tests.report.plan.plans import a_plan, candidate, settings
from tests.support import ACCOUNT, Aws, running_aws, unique

OWN_SETTINGS = candidate(OWN, settings())
PLAN: Plan = a_plan(minutes=(), sensitivity=(), models={"AllTraffic": "dog-breed"}, compared=(OWN_SETTINGS,))
CHOSEN = PLAN.recommended.settings.variants[0] if PLAN.recommended else None
MOST = planned_endpoint(PLAN).most


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with running_aws() as aws_here:
        hand_over(aws_here.url, PLAN)
        yield aws_here


@pytest.fixture(scope="module")
def role(aws: Aws) -> str:
    return aws.role(service="sagemaker.amazonaws.com")


def job(aws: Aws, role: str, model: str = "dog-breed", **more: Any) -> str:
    name = unique("job")
    answer = aws.client("sagemaker").create_inference_recommendations_job(
        JobName=name,
        JobType="Default",
        RoleArn=role,
        InputConfig={"ModelName": model, **more.pop("inputs", {})},
        **more,
    )
    assert answer["JobArn"] == f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:inference-recommendations-job/{name}"
    return name


def described(aws: Aws, name: str) -> dict[str, Any]:
    return dict(aws.client("sagemaker").describe_inference_recommendations_job(JobName=name))


def refused(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refusal:
        call(**request)
    return refusal.value.response["Error"]["Code"], refusal.value.response["Error"]["Message"]


def test_a_job_answers_with_what_the_plan_recommends_first(aws: Aws, role: str) -> None:
    description = described(aws, job(aws, role))
    assert description["Status"] == "COMPLETED"
    assert PLAN.recommended is not None
    assert CHOSEN is not None
    first = description["InferenceRecommendations"][0]
    assert first["EndpointConfiguration"] == {
        "EndpointName": PLAN.endpoint,
        "VariantName": PLAN.variant,
        "InstanceType": CHOSEN.instance_type,
        "InitialInstanceCount": CHOSEN.initial_instance_count,
    }
    figures = PLAN.recommended.figures
    assert first["Metrics"]["ModelLatency"] == pytest.approx((figures.p99.value or 0) * 1000, abs=1)
    assert first["Metrics"]["CostPerHour"] == pytest.approx(figures.cost.instances / figures.mean_instances)
    assert first["Metrics"]["MaxInvocations"] == int((PLAN.evidence.saturation_rate or 0) * 60)


def test_the_scaling_configuration_is_the_plans_policy(aws: Aws, role: str) -> None:
    name = job(aws, role)
    identifier = described(aws, name)["InferenceRecommendations"][0]["RecommendationId"]
    recommendation = aws.client("sagemaker").get_scaling_configuration_recommendation(
        InferenceRecommendationsJobName=name, RecommendationId=identifier
    )
    assert CHOSEN is not None
    (policy,) = CHOSEN.tracking
    assert recommendation["DynamicScalingConfiguration"] == {
        "MinCapacity": CHOSEN.min_capacity,
        "MaxCapacity": CHOSEN.max_capacity,
        "ScaleInCooldown": policy.scale_in_cooldown,
        "ScaleOutCooldown": policy.scale_out_cooldown,
        "ScalingPolicies": [
            {
                "TargetTracking": {
                    "MetricSpecification": {"Predefined": {"PredefinedMetricType": policy.metric}},
                    "TargetValue": policy.target_value,
                }
            }
        ],
    }
    assert recommendation["ScalingPolicyObjective"]["MaxInvocationsPerMinute"] == MOST


def test_more_traffic_than_was_planned_for_is_never_extrapolated_to(aws: Aws, role: str) -> None:
    name, sagemaker = job(aws, role), aws.client("sagemaker")
    code, message = refused(
        sagemaker.get_scaling_configuration_recommendation,
        InferenceRecommendationsJobName=name,
        ScalingPolicyObjective={"MaxInvocationsPerMinute": MOST + 1},
    )
    assert (code, f"for up to {MOST} invocations a minute" in message) == ("ValidationException", True)
    failed = described(aws, job(aws, role, StoppingConditions={"MaxInvocations": MOST + 1}))
    assert (failed["Status"], "plan this traffic" in failed["FailureReason"]) == ("FAILED", True)


def test_latency_thresholds_and_instance_types_choose_among_the_plans_settings(aws: Aws, role: str) -> None:
    strict = {"ModelLatencyThresholds": [{"Percentile": "P99", "ValueInMilliseconds": 1}]}
    failed = described(aws, job(aws, role, StoppingConditions=strict))
    assert (
        failed["FailureReason"] == "None of the plan's settings is of these instance types and within these latencies."
    )
    other = described(aws, job(aws, role, inputs={"EndpointConfigurations": [{"InstanceType": "ml.c5.xlarge"}]}))
    assert other["Status"] == "FAILED"


def test_a_model_without_a_plan_is_a_failed_job_that_says_how_to_make_one(aws: Aws, role: str) -> None:
    name = job(aws, role, model="another")
    assert "make one with `harness plan`" in described(aws, name)["FailureReason"]
    get = aws.client("sagemaker").get_scaling_configuration_recommendation
    assert refused(get, InferenceRecommendationsJobName=name)[0] == "ValidationException"


def test_names_taken_and_unknown(aws: Aws, role: str) -> None:
    name, sagemaker = job(aws, role), aws.client("sagemaker")
    again = {"JobName": name, "JobType": "Default", "RoleArn": role, "InputConfig": {"ModelName": "dog-breed"}}
    assert refused(sagemaker.create_inference_recommendations_job, **again)[0] == "ResourceInUse"
    assert refused(sagemaker.describe_inference_recommendations_job, JobName="nothing")[0] == "ResourceNotFound"
    assert refused(sagemaker.stop_inference_recommendations_job, JobName=name)[0] == "ValidationException"
    listed = sagemaker.list_inference_recommendations_jobs(NameContains=name, StatusEquals="COMPLETED")
    assert [summary["JobName"] for summary in listed["InferenceRecommendationsJobs"]] == [name]


def test_a_role_that_sagemaker_may_not_assume_is_refused(aws: Aws) -> None:
    request = {"JobName": unique("job"), "JobType": "Default", "InputConfig": {"ModelName": "dog-breed"}}
    create = aws.client("sagemaker").create_inference_recommendations_job
    code, message = refused(create, RoleArn=aws.role(), **request)
    assert (code, message.startswith("Could not assume role")) == ("ValidationException", True)


def test_a_plan_that_serves_nothing_says_so_through_the_api(role: str, aws: Aws) -> None:
    limit = "50 instances are not enough"
    hand_over(
        aws.url,
        PLAN.model_copy(
            update={
                "endpoint": "other",
                "models": {"AllTraffic": "hopeless"},
                "recommended": None,
                "runner_up": None,
                "first_limit": limit,
            }
        ),
    )
    failed = described(aws, job(aws, role, model="hopeless"))
    assert failed["FailureReason"] == f"No setting serves the planned traffic: {limit}"


def test_a_harness_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(HarnessError, match=r"No harness answers at http://127\.0\.0\.1:9"):
        hand_over("http://127.0.0.1:9", PLAN)
