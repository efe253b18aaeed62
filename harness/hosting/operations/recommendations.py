"""Inference Recommender's operations, answered from the capacity plan of the model's endpoint.

AWS loads instances for hours to answer. Here `harness plan` has done so before, and a job is complete when it is
created.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.core.calls import Call
from harness.core.errors import AwsError
from harness.hosting import errors
from harness.hosting.resources import JOB, SAGEMAKER_PRINCIPAL, RecommendationJob, arn, timestamp
from harness.hosting.rules.recommendations import (
    choose_options,
    recommendation,
    recommendation_id,
    scaling_recommendation,
)
from harness.hosting.state import Operations

if TYPE_CHECKING:
    from harness.hosting.rules.planned import PlannedEndpoint


class RecommendationOperations(Operations):
    """CreateInferenceRecommendationsJob, DescribeInferenceRecommendationsJob, ListInferenceRecommendationsJobs,
    StopInferenceRecommendationsJob, GetScalingConfigurationRecommendation."""

    async def create_inference_recommendations_job(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        name, role = request["JobName"], request["RoleArn"]
        if self.state.jobs.find(call.region, name) is not None:
            raise AwsError("ResourceInUse", errors.JOB_TAKEN.format(name))
        if not self.state.roles.can_assume(role, SAGEMAKER_PRINCIPAL):
            raise errors.invalid(errors.JOB_ROLE_INVALID.format(role, SAGEMAKER_PRINCIPAL))
        plan = self._plan(call, request["InputConfig"])
        chosen, failure = choose_options(plan, request)
        options = {recommendation_id(name, option): option for option in chosen}
        job = RecommendationJob(name, arn(JOB, name, call), self.state.clock.now(), request, plan, options, failure)
        self.state.jobs.add(call, job)
        self.state.tags.add(job.arn, request.get("Tags", ()))
        return {"JobArn": job.arn}

    async def describe_inference_recommendations_job(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        job = self._job(call, request["JobName"])
        description = {**_summary(job), "InputConfig": job.request["InputConfig"]}
        if "StoppingConditions" in job.request:
            description["StoppingConditions"] = job.request["StoppingConditions"]
        if job.plan is not None and job.options:
            description["InferenceRecommendations"] = [
                recommendation(identifier, job.plan, option) for identifier, option in job.options.items()
            ]
        return description

    async def list_inference_recommendations_jobs(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        status = request.get("StatusEquals")
        jobs, token = self.state.jobs.page(call, request, lambda job: status in (None, job.status))
        return {"InferenceRecommendationsJobs": [_summary(job) for job in jobs], "NextToken": token}

    async def stop_inference_recommendations_job(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        job = self._job(call, request["JobName"])
        raise errors.invalid(errors.JOB_OVER.format(job.name, job.status))

    async def get_scaling_configuration_recommendation(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        job = self._job(call, request["InferenceRecommendationsJobName"])
        identifier = _chosen_recommendation(job, request)
        assert job.plan is not None, "a job with an option has a plan"
        return {
            "InferenceRecommendationsJobName": job.name,
            "RecommendationId": identifier,
            **scaling_recommendation(job.plan, job.options[identifier], request),
        }

    def _job(self, call: Call, name: str) -> RecommendationJob:
        job = self.state.jobs.find(call.region, name)
        if job is None:
            raise errors.not_found(errors.JOB_NOT_FOUND.format(name))
        return job

    def _plan(self, call: Call, input_config: Mapping[str, Any]) -> PlannedEndpoint | None:
        """The newest plan of the model or of one of the endpoints that a job names."""
        endpoints = {entry.get("EndpointName") for entry in input_config.get("Endpoints", ())}
        for (region, endpoint), plan in reversed(self.state.plans.items()):
            if region == call.region and (endpoint in endpoints or plan.model == input_config.get("ModelName")):
                return plan
        return None


def _summary(job: RecommendationJob) -> dict[str, Any]:
    """A job as a list of jobs tells it."""
    moment = timestamp(job.created)
    return {
        "JobName": job.name,
        "JobDescription": job.request.get("JobDescription", ""),
        "JobType": job.request["JobType"],
        "JobArn": job.arn,
        "RoleArn": job.request["RoleArn"],
        "Status": job.status,
        "CreationTime": moment,
        "CompletionTime": moment,
        "LastModifiedTime": moment,
        **({"FailureReason": job.failure} if job.failure else {}),
    }


def _chosen_recommendation(job: RecommendationJob, request: Mapping[str, Any]) -> str:
    """The id of the recommendation that is asked about: the one named, or the best."""
    if job.failure:
        raise errors.invalid(errors.JOB_WITHOUT_OPTION.format(job.name, job.failure))
    identifier, endpoint = request.get("RecommendationId"), request.get("EndpointName")
    if identifier and endpoint:
        raise errors.invalid(errors.RECOMMENDATION_AMBIGUOUS)
    if identifier is not None and identifier not in job.options:
        raise errors.not_found(errors.RECOMMENDATION_NOT_FOUND.format(job.name, identifier))
    if endpoint is not None and (job.plan is None or endpoint != job.plan.endpoint):
        raise errors.not_found(errors.RECOMMENDATION_NOT_FOUND.format(job.name, f"of the endpoint {endpoint}"))
    return identifier or next(iter(job.options))
