"""Inference Recommender's operations, answered from the plan of the model's endpoint.

AWS loads instances for hours to answer; here `harness plan` has done so before, and a job is complete when it is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.access.trust import can_assume
from harness.core.calls import Call
from harness.core.errors import AwsError
from harness.hosting.operations.models import SAGEMAKER_PRINCIPAL
from harness.hosting.resources import Registry, arn, timestamp
from harness.hosting.state import Operations

if TYPE_CHECKING:
    from harness.hosting.planned import PlannedEndpoint, PlannedOption

JOB = "inference-recommendations-job"
_USUAL_CPU = 50  # per cent (botocore, TargetCpuUtilizationPerCore): echoed, plans go by latency and errors instead
_SHOWN_LATENCY = "P99"


@dataclass(frozen=True, slots=True)
class Job:
    """CreateInferenceRecommendationsJob's request, and what came of it. options: by recommendation id, the best first;
    failure: why there are none."""

    name: str
    arn: str
    created: float
    request: Mapping[str, Any]
    plan: PlannedEndpoint | None
    options: Mapping[str, PlannedOption]
    failure: str | None

    @property
    def status(self) -> str:
        return "FAILED" if self.failure else "COMPLETED"

    def summary(self) -> dict[str, Any]:
        """What a list of jobs says of it."""
        asked, found = self.request, dict[str, Any]()
        if self.failure:
            found["FailureReason"] = self.failure
        return {
            "JobName": self.name,
            "JobDescription": asked.get("JobDescription", ""),
            "JobType": asked["JobType"],
            "JobArn": self.arn,
            "RoleArn": asked["RoleArn"],
            "Status": self.status,
            "CreationTime": timestamp(self.created),
            "CompletionTime": timestamp(self.created),
            "LastModifiedTime": timestamp(self.created),
            **found,
        }


class RecommendationOperations(Operations):
    """CreateInferenceRecommendationsJob, DescribeInferenceRecommendationsJob, ListInferenceRecommendationsJobs,
    StopInferenceRecommendationsJob, GetScalingConfigurationRecommendation."""

    jobs: Registry[Job]
    plans: dict[tuple[str, str], PlannedEndpoint]

    async def create_inference_recommendations_job(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        name, role = request["JobName"], request["RoleArn"]
        if self.jobs.find(call.region, name) is not None:
            raise AwsError("ResourceInUse", f"A job of the name {name} exists already.")
        if not await can_assume(self.state.backend, role, SAGEMAKER_PRINCIPAL):
            raise AwsError(
                "ValidationException",
                f"Could not assume role {role}. Please ensure that the role exists and allows principal "
                f"'{SAGEMAKER_PRINCIPAL}' to assume the role.",
            )
        plan = self._plan(call, request["InputConfig"])
        chosen, failure = _choose(plan, request)
        options = {f"{name}/{_digest(option)}": option for option in chosen}
        job = Job(name, arn(JOB, name, call), self.state.clock.now(), request, plan, options, failure)
        self.jobs.add(call, job)
        self.state.tags.add(job.arn, request.get("Tags", ()))
        return {"JobArn": job.arn}

    async def describe_inference_recommendations_job(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        job = self._job(call, request["JobName"])
        answer = {**job.summary(), "InputConfig": job.request["InputConfig"]}
        if "StoppingConditions" in job.request:
            answer["StoppingConditions"] = job.request["StoppingConditions"]
        if job.plan is not None and job.options:
            answer["InferenceRecommendations"] = [
                _recommendation(each, job.plan, option) for each, option in job.options.items()
            ]
        return answer

    async def list_inference_recommendations_jobs(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        wanted = request.get("StatusEquals")
        jobs, token = self.jobs.page(call, request, lambda job: wanted in (None, job.status))
        return {"InferenceRecommendationsJobs": [job.summary() for job in jobs], "NextToken": token}

    async def stop_inference_recommendations_job(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        job = self._job(call, request["JobName"])
        raise AwsError("ValidationException", f"The job {job.name} is {job.status}: there is nothing to stop.")

    async def get_scaling_configuration_recommendation(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        job = self._job(call, request["InferenceRecommendationsJobName"])
        plan, (identifier, option) = job.plan, _asked_for(job, request)
        assert plan is not None, "a job with an option has a plan"
        objective = request.get("ScalingPolicyObjective", {})
        most = objective.get("MaxInvocationsPerMinute", plan.most)
        if most > plan.most:
            raise AwsError("ValidationException", _beyond(plan, most))
        scaling: dict[str, Any] = {"MinCapacity": option.min_capacity, "MaxCapacity": option.max_capacity}
        if option.scale_in_cooldown is not None:
            scaling["ScaleInCooldown"] = option.scale_in_cooldown
        if option.scale_out_cooldown is not None:
            scaling["ScaleOutCooldown"] = option.scale_out_cooldown
        scaling["ScalingPolicies"] = [
            {
                "TargetTracking": {
                    "MetricSpecification": {"Predefined": {"PredefinedMetricType": policy.metric}},
                    "TargetValue": policy.target_value,
                }
            }
            for policy in option.policies
        ]
        metric: dict[str, Any] = {"ModelLatency": option.latency[_SHOWN_LATENCY]}
        if option.max_invocations is not None:
            metric["InvocationsPerInstance"] = option.max_invocations
        return {
            "InferenceRecommendationsJobName": job.name,
            "RecommendationId": identifier,
            "EndpointName": plan.endpoint,
            "TargetCpuUtilizationPerCore": request.get("TargetCpuUtilizationPerCore", _USUAL_CPU),
            "ScalingPolicyObjective": {"MinInvocationsPerMinute": 0, "MaxInvocationsPerMinute": most, **objective},
            "Metric": metric,
            "DynamicScalingConfiguration": scaling,
        }

    def _job(self, call: Call, name: str) -> Job:
        found = self.jobs.find(call.region, name)
        if found is None:
            raise AwsError("ResourceNotFound", f"Could not find the job {name}.")
        return found

    def _plan(self, call: Call, given: Mapping[str, Any]) -> PlannedEndpoint | None:
        """Of the model that is named, or of the endpoint; the one handed over last."""
        endpoints = {each.get("EndpointName") for each in given.get("Endpoints", ())}
        for (region, endpoint), plan in reversed(self.plans.items()):
            if region == call.region and (endpoint in endpoints or plan.model == given.get("ModelName")):
                return plan
        return None


def _choose(plan: PlannedEndpoint | None, request: Mapping[str, Any]) -> tuple[list[PlannedOption], str | None]:
    """The plan's options that are within what the job allows; why there are none."""
    if plan is None:
        return [], (
            "There is no plan of this model here: make one with `harness plan` and hand it over with "
            "`harness deploy --plan`."
        )
    if not plan.options:
        return [], f"No setting serves the planned traffic: {plan.limit or 'see the plan'}"
    stop = request.get("StoppingConditions", {})
    if (most := stop.get("MaxInvocations", 0)) > plan.most:
        return [], _beyond(plan, most)
    types = {
        each["InstanceType"]
        for each in request["InputConfig"].get("EndpointConfigurations", ())
        if "InstanceType" in each
    }
    limits = {
        each["Percentile"].upper(): each["ValueInMilliseconds"] for each in stop.get("ModelLatencyThresholds", ())
    }
    if unknown := sorted(set(limits) - set(plan.options[0].latency)):
        known = ", ".join(plan.options[0].latency)
        return [], f"A plan knows the percentiles {known}, not {unknown[0]}."
    chosen = [
        option
        for option in plan.options
        if (not types or option.instance_type in types)
        and all(option.latency[percentile] <= limit for percentile, limit in limits.items())
    ]
    if not chosen:
        return [], "None of the plan's settings is of these instance types and within these latencies."
    return chosen, None


def _asked_for(job: Job, request: Mapping[str, Any]) -> tuple[str, PlannedOption]:
    if job.failure:
        raise AwsError("ValidationException", f"The job {job.name} has no recommendation: {job.failure}")
    wanted, endpoint = request.get("RecommendationId"), request.get("EndpointName")
    if wanted and endpoint:
        raise AwsError("ValidationException", "Specify either RecommendationId or EndpointName, not both.")
    if wanted is not None and wanted not in job.options:
        raise AwsError("ResourceNotFound", f"The job {job.name} has no recommendation {wanted}.")
    if endpoint is not None and (job.plan is None or endpoint != job.plan.endpoint):
        raise AwsError("ResourceNotFound", f"The job {job.name} has no recommendation of the endpoint {endpoint}.")
    identifier = wanted or next(iter(job.options))
    return identifier, job.options[identifier]


def _recommendation(identifier: str, plan: PlannedEndpoint, option: PlannedOption) -> dict[str, Any]:
    metrics: dict[str, Any] = {
        "CostPerHour": option.cost_per_hour,
        "CostPerInference": option.cost_per_inference,
        "ModelLatency": option.latency[_SHOWN_LATENCY],
    }
    if option.max_invocations is not None:
        metrics["MaxInvocations"] = option.max_invocations
    return {
        "RecommendationId": identifier,
        "Metrics": metrics,
        "EndpointConfiguration": {
            "EndpointName": plan.endpoint,
            "VariantName": plan.variant,
            "InstanceType": option.instance_type,
            "InitialInstanceCount": option.initial_instance_count,
        },
        "ModelConfiguration": {},
    }


def _beyond(plan: PlannedEndpoint, most: int) -> str:
    return (
        f"The plan was made for up to {plan.most} invocations a minute, and {most} are asked for: plan this traffic "
        "with `harness plan`."
    )


def _digest(option: PlannedOption) -> str:
    return hashlib.sha256(option.model_dump_json().encode()).hexdigest()[:8]
