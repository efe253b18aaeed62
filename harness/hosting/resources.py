"""What the requests of SageMaker hosting create: models, endpoint configurations and recommendation jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from harness.core.calls import Call

if TYPE_CHECKING:
    from harness.hosting.rules.planned import PlannedEndpoint, PlannedOption


SAGEMAKER_PRINCIPAL = "sagemaker.amazonaws.com"
"""The service principal that a model's role has to trust."""
JOB = "inference-recommendations-job"
"""A recommendation job's kind in its ARN."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model. request: CreateModel's, unchanged."""

    name: str
    arn: str
    created: float
    request: Mapping[str, Any]

    @property
    def container(self) -> Mapping[str, Any]:
        """The primary container (or the only one of Containers)."""
        return dict(self.request.get("PrimaryContainer") or (self.request.get("Containers") or [{}])[0])


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """An endpoint configuration. request: CreateEndpointConfig's, unchanged."""

    name: str
    arn: str
    created: float
    request: Mapping[str, Any]

    @property
    def variants(self) -> Sequence[Mapping[str, Any]]:
        return list(self.request["ProductionVariants"])

    @property
    def shadows(self) -> Sequence[Mapping[str, Any]]:
        return list(self.request.get("ShadowProductionVariants", ()))

    @property
    def capture(self) -> Mapping[str, Any] | None:
        """DataCaptureConfig if it is given and enabled."""
        config: Mapping[str, Any] | None = self.request.get("DataCaptureConfig")
        return config if config is not None and config.get("EnableCapture", True) else None

    @property
    def asynchronous(self) -> Mapping[str, Any] | None:
        """AsyncInferenceConfig; an endpoint that has one takes InvokeEndpointAsync."""
        config: Mapping[str, Any] | None = self.request.get("AsyncInferenceConfig")
        return config


@dataclass(frozen=True, slots=True)
class RecommendationJob:
    """An Inference Recommender job, complete when it is created.

    request: CreateInferenceRecommendationsJob's. plan: of the model's endpoint. options: by recommendation id, the best
    one first. failure: why there are no options.
    """

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


def timestamp(seconds: float) -> datetime:
    """Unix seconds as an API's timestamp."""
    return datetime.fromtimestamp(seconds, UTC)


def arn(kind: str, name: str, call: Call) -> str:
    """``arn:aws:sagemaker:REGION:ACCOUNT:KIND/NAME``.

    The name is in lower case, because names have to differ in more than case (botocore, CreateEndpointInput) and
    SageMaker's ARNs spell them so [unverified].
    """
    return f"arn:aws:sagemaker:{call.region}:{call.account}:{kind}/{name.lower()}"
