"""A stack as ordinary boto3 calls: the same on the harness and on AWS. Running it again brings the stack up to date."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, WaiterError

from harness.core import interrupts
from harness.core.errors import HarnessError
from harness.hosting.instances.settings import dump_local_settings
from harness.local_aws.client import LocalAwsClient, NoHarness
from harness.stack.deployment_scaling import deploy_scaling
from harness.stack.file import FunctionTable, ModelSource, Role, Stack, Variant

Progress = Callable[[str], None]
"""Called with the step that begins."""

_BUILD_SECONDS = 600
_BUILD_END_SECONDS = 5  # for a build script to remove its temporary files
_ENDPOINT_SECONDS = 900
_POLL_SECONDS = 0.5
# On AWS a new role is not assumable everywhere at once; Lambda's and SageMaker's refusals are worth waiting out.
_ROLE_SECONDS = 30
# A model of some hundred MB is buffered, downloaded and unpacked.
_LITTLE_SPACE = 512 * 2**20
# Endpoint statuses in which nothing is under way (botocore, EndpointStatus); None is no endpoint.
_AT_REST = (None, "InService", "Failed", "OutOfService", "UpdateRollbackFailed")
# Not in a zip: what Python leaves behind.
_LEFTOVERS = ("__pycache__", ".pyc", ".DS_Store")


class Deployment:
    """Deploys a stack with a boto3 session. endpoint_url: the harness, or None for AWS itself."""

    def __init__(self, stack: Stack, session: boto3.Session, endpoint_url: str | None, progress: Progress) -> None:
        self._stack = stack
        self._progress = progress
        self._endpoint_url = endpoint_url
        self._session = session
        config = Config(retries={"total_max_attempts": 2}, connect_timeout=5)
        self._clients: dict[str, Any] = {}
        self._config = config

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.client(  # type: ignore[call-overload]
                service, region_name=self._stack.region, endpoint_url=self._endpoint_url, config=self._config
            )
        return self._clients[service]

    def run(self, *, build: bool = True) -> None:
        """Deploys everything and waits until it serves. Raises HarnessError that says what failed and why.

        build: run the models' build scripts first.
        """
        try:
            if build:
                self.build_models()
            self._roles()
            self._bucket()
            self._models()
            self._local_settings()
            self._endpoint()
            self._function()
            scaling, cloudwatch = self._client("application-autoscaling"), self._client("cloudwatch")
            deploy_scaling(scaling, cloudwatch, self._stack, self._progress)
        except EndpointConnectionError as error:
            url = self._endpoint_url or "AWS"
            raise HarnessError(f"Nothing answers at {url}: bring the local AWS up with `harness up` first.") from error
        except ClientError as error:
            details = error.response["Error"]
            raise HarnessError(
                f"{error.operation_name} was refused: {details.get('Code')}: {details.get('Message')}"
            ) from None
        except BotoCoreError as error:
            raise HarnessError(f"The deployment stopped: {error}") from None

    def build_models(self) -> None:
        """Runs the models' build scripts. Raises HarnessError where one fails."""
        for name, model in self._stack.models.items():
            if model.build is None or model.model_data.startswith("s3://"):
                continue
            script = self._stack.path(model.build)
            self._progress(f"build model data of {name}")
            _run_build(script, name)
            if not self._stack.path(model.model_data).exists():
                raise HarnessError(f"{script} ran, but made no {self._stack.path(model.model_data)}.")

    def _roles(self) -> None:
        iam = self._client("iam")
        for name, role in self._stack.roles.items():
            self._progress(f"role {name}")
            trust = json.dumps(_trust_policy(role))
            try:
                iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
            except iam.exceptions.EntityAlreadyExistsException:
                iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
            wanted = {policy.stem: self._stack.path(policy).read_text(encoding="utf-8") for policy in role.policies}
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                if policy not in wanted:
                    iam.delete_role_policy(RoleName=name, PolicyName=policy)
            for policy, document in wanted.items():
                iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)
            self._managed_policies(iam, name, role)

    def _managed_policies(self, iam: Any, name: str, role: Role) -> None:
        wanted = {_managed_arn(iam, policy) for policy in role.managed_policies}
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        for policy in attached:
            if policy["PolicyArn"] not in wanted:
                iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        for arn in wanted - {policy["PolicyArn"] for policy in attached}:
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)

    def _bucket(self) -> None:
        s3 = self._client("s3")
        try:
            s3.head_bucket(Bucket=self._stack.bucket)
        except ClientError:
            self._progress(f"bucket {self._stack.bucket}")
            where = {} if self._stack.region == "us-east-1" else {"LocationConstraint": self._stack.region}
            s3.create_bucket(Bucket=self._stack.bucket, **({"CreateBucketConfiguration": where} if where else {}))

    def _models(self) -> None:
        sagemaker = self._client("sagemaker")
        for name, model in self._stack.models.items():
            self._progress(f"model {name}")
            request = {
                "ModelName": name,
                "ExecutionRoleArn": self._role_arn(model.role),
                "PrimaryContainer": {
                    "Image": model.image,
                    "ModelDataUrl": self._upload(name, model),
                    "Environment": model.environment,
                },
            }
            if _exists(partial(sagemaker.describe_model, ModelName=name)):
                sagemaker.delete_model(ModelName=name)
            _once_role_is_known(partial(sagemaker.create_model, **request))

    def _upload(self, name: str, model: ModelSource) -> str:
        if model.model_data.startswith("s3://"):
            return model.model_data
        key = f"{self._stack.name}/{name}/model.tar.gz"
        self._progress(f"upload model data of {name}")
        try:
            self._client("s3").upload_file(str(self._stack.path(model.model_data)), self._stack.bucket, key)
        except S3UploadFailedError as error:
            raise HarnessError(f"{_disk_hint()}{error}") from None
        return f"s3://{self._stack.bucket}/{key}"

    def _local_settings(self) -> None:
        """Sends [local] to a harness; another emulator at the URL does not know it and is left alone."""
        if self._endpoint_url is None:
            return
        settings = dump_local_settings(self._stack.local)
        try:
            LocalAwsClient(self._endpoint_url).put_endpoint(self._stack.endpoint.name, settings)
        except NoHarness as error:
            if not error.something_else:
                raise

    def _endpoint(self) -> None:
        sagemaker = self._client("sagemaker")
        name = self._stack.endpoint.name
        if _exists(lambda: sagemaker.describe_endpoint(EndpointName=name)):
            self._progress(f"endpoint {name}: replacing the one that is there")
            # In the middle of something an endpoint cannot be deleted; one that is being deleted need not be.
            _wait(lambda: self._endpoint_status(name) in _AT_REST, f"endpoint {name} to be at rest")
            if self._endpoint_status(name) is not None:
                sagemaker.delete_endpoint(EndpointName=name)
            _wait(lambda: not _exists(lambda: sagemaker.describe_endpoint(EndpointName=name)), f"endpoint {name} to go")
        if _exists(lambda: sagemaker.describe_endpoint_config(EndpointConfigName=name)):
            sagemaker.delete_endpoint_config(EndpointConfigName=name)
        variants = [_variant(key, variant) for key, variant in self._stack.endpoint.production_variants.items()]
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
        self._progress(f"endpoint {name}: loading the model")
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        state: dict[str, Any] = {}

        def settled() -> bool:
            state.update(sagemaker.describe_endpoint(EndpointName=name))
            return bool(state["EndpointStatus"] != "Creating")

        _wait(settled, f"endpoint {name} to be InService")
        if state["EndpointStatus"] != "InService":
            raise HarnessError(
                f"Endpoint {name} is {state['EndpointStatus']}: {state.get('FailureReason', 'no reason given')}"
            )

    def _endpoint_status(self, name: str) -> str | None:
        describe = partial(self._client("sagemaker").describe_endpoint, EndpointName=name)
        return str(describe()["EndpointStatus"]) if _exists(describe) else None

    def _function(self) -> None:
        function = self._stack.function
        if function is None:
            return
        self._progress(f"function {function.name}")
        client = self._client("lambda")
        code = zip_code(self._stack.path(function.code))
        settings = {
            "FunctionName": function.name,
            "Role": self._role_arn(function.role),
            "Handler": function.handler,
            "Runtime": function.runtime,
            "MemorySize": function.memory_size,
            "Timeout": function.timeout,
            "Environment": {"Variables": function.environment},
        }
        try:
            if _exists(lambda: client.get_function(FunctionName=function.name)):
                client.update_function_code(FunctionName=function.name, ZipFile=code)
                client.get_waiter("function_updated_v2").wait(FunctionName=function.name, WaiterConfig={"Delay": 1})
                client.update_function_configuration(**settings)
                client.get_waiter("function_updated_v2").wait(FunctionName=function.name, WaiterConfig={"Delay": 1})
            else:
                _once_role_is_known(lambda: client.create_function(Code={"ZipFile": code}, **settings))
                client.get_waiter("function_active_v2").wait(FunctionName=function.name, WaiterConfig={"Delay": 1})
        except WaiterError as error:
            raise HarnessError(f"Function {function.name} did not become active: {error}") from None
        self._concurrency(client, function)

    def _concurrency(self, client: Any, function: FunctionTable) -> None:
        """The function's alias and what is reserved and provisioned, and nothing that an earlier deployment left."""
        name, alias, wanted = function.name, function.alias, function.provisioned_concurrent_executions
        if alias is not None:
            version = client.publish_version(FunctionName=name)["Version"]
            try:
                client.create_alias(FunctionName=name, Name=alias, FunctionVersion=version)
            except client.exceptions.ResourceConflictException:
                client.update_alias(FunctionName=name, Name=alias, FunctionVersion=version)
        kept = False
        for config in client.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"]:
            qualifier = config["FunctionArn"].rpartition(":")[2]
            kept = qualifier == alias and config["RequestedProvisionedConcurrentExecutions"] == wanted
            if not kept:  # it may stand in the way of less reserved concurrency
                client.delete_provisioned_concurrency_config(FunctionName=name, Qualifier=qualifier)
        if function.reserved_concurrent_executions is None:
            client.delete_function_concurrency(FunctionName=name)
        else:
            client.put_function_concurrency(
                FunctionName=name, ReservedConcurrentExecutions=function.reserved_concurrent_executions
            )
        if wanted is None:
            return
        where = {"FunctionName": name, "Qualifier": alias}
        self._progress(f"function {function.called}: preparing {wanted} provisioned environments")
        if not kept:
            client.put_provisioned_concurrency_config(**where, ProvisionedConcurrentExecutions=wanted)
        state: dict[str, Any] = {}

        def settled() -> bool:
            state.update(client.get_provisioned_concurrency_config(**where))
            return bool(state["Status"] != "IN_PROGRESS")

        _wait(settled, f"provisioned concurrency of {function.called}")
        if state["Status"] != "READY":
            reason = state.get("StatusReason", "no reason given")
            raise HarnessError(
                f"{function.called} could not be provisioned: {reason}. Its log says why it does not start."
            )

    def _role_arn(self, name: str) -> str:
        return str(self._client("iam").get_role(RoleName=name)["Role"]["Arn"])


def zip_code(path: Path) -> bytes:
    """A function's code as zip bytes: a zip as it is, a folder or single file packed."""
    if path.is_file() and path.suffix == ".zip":
        return path.read_bytes()
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    root = path.parent if path.is_file() else path
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            if file.is_file() and not any(str(file).endswith(end) or end in file.parts for end in _LEFTOVERS):
                archive.write(file, file.relative_to(root))
    return packed.getvalue()


def _variant(name: str, variant: Variant) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": variant.model,
        "InstanceType": variant.instance_type,
        "InitialInstanceCount": variant.initial_instance_count,
        "InitialVariantWeight": variant.initial_variant_weight,
        "RoutingConfig": {"RoutingStrategy": variant.routing_strategy},
        "ContainerStartupHealthCheckTimeoutInSeconds": variant.container_startup_health_check_timeout,
    }


def _disk_hint() -> str:
    """The likely reason where a local backend could not keep an upload: it buffers in the temporary folder."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    return f"Only {free // 2**20} MB are free in {folder}: free some, or set TMPDIR. " if free < _LITTLE_SPACE else ""


def _run_build(script: Path, model: str) -> None:
    """An interrupt reaches it through this process alone, once, and as one that Python tidies up after; what it leaves
    among the temporary files goes with it."""
    with interrupts.Tidied() as tidied:
        scratch = tidied.enter_context(tempfile.TemporaryDirectory(prefix="harness-build-", ignore_cleanup_errors=True))
        building = tidied.enter_context(
            subprocess.Popen(
                [sys.executable, str(script)],
                cwd=script.parent,
                env={**os.environ, "TMPDIR": scratch},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        tidied.callback(interrupts.end, building, _BUILD_END_SECONDS, signal.SIGINT)
        try:
            out, err = building.communicate(timeout=_BUILD_SECONDS)
        except subprocess.TimeoutExpired:
            raise HarnessError(f"{script} did not finish within {_BUILD_SECONDS} s.") from None
    if building.returncode:
        last = (err or out).strip().splitlines()[-1:] or ["it printed nothing"]
        raise HarnessError(f"{script}, which builds the data of model {model}, failed: {last[0]}")


def _trust_policy(role: Role) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": role.trust}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _managed_arn(iam: Any, name: str) -> str:
    """AWS's managed policies live under three paths; the first that has the name is it."""
    for prefix in ("", "service-role/", "aws-service-role/", "job-function/"):
        arn = f"arn:aws:iam::aws:policy/{prefix}{name}"
        if _exists(partial(iam.get_policy, PolicyArn=arn)):
            return arn
    raise HarnessError(
        f"AWS has no managed policy {name!r}; give its name without a path, such as AmazonSageMakerFullAccess."
    )


def _exists(describe: Callable[[], Any]) -> bool:
    try:
        describe()
    except ClientError as error:
        if error.response["Error"]["Code"] in (
            "ValidationException",
            "ResourceNotFoundException",
            "NoSuchEntity",
            "ResourceNotFound",
        ):
            return False
        raise
    return True


def _once_role_is_known(create: Callable[[], Any]) -> None:
    for remaining in _deadline(_ROLE_SECONDS):
        try:
            create()
        except ClientError as error:
            message = error.response["Error"].get("Message", "").lower()
            if "role" not in message or "assum" not in message or not remaining:
                raise
            time.sleep(2)
        else:
            return


def _wait(done: Callable[[], bool], what: str) -> None:
    for remaining in _deadline(_ENDPOINT_SECONDS):
        if done():
            return
        if not remaining:
            raise HarnessError(f"Gave up waiting for {what} after {_ENDPOINT_SECONDS} s.")
        time.sleep(_POLL_SECONDS)


def _deadline(seconds: float) -> Iterator[bool]:
    """Yields until the time is up; the last value is False."""
    end = time.monotonic() + seconds
    while True:
        yield time.monotonic() < end
