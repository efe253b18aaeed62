"""Deploys a stack with ordinary boto3 calls, which are the same for the harness and for AWS.

Deploying a stack again brings everything in it up to date.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, WaiterError

from harness.core.errors import HarnessError
from harness.core.figures import count
from harness.hosting.instances.settings import dump_local_settings
from harness.local_aws.client import LocalAwsClient, NoHarness
from harness.stack.function_code import zip_code
from harness.stack.model_build import build_models
from harness.stack.scaling_deployment import deploy_scaling
from harness.stack.tables import FunctionTable, ModelTable, RoleTable, Stack, VariantTable

Progress = Callable[[str], None]
"""Called with the name of each step when the step begins."""

_WAIT_SECONDS = 900
_POLL_SECONDS = 0.5
# On AWS a new role cannot be assumed everywhere at once, so Lambda and SageMaker refuse it for a while.
_ROLE_SECONDS = 30
# A model of some hundred MB is buffered, downloaded and unpacked.
_LITTLE_SPACE = 512 * 2**20
# Endpoint statuses in which no change is under way (botocore, EndpointStatus); None: there is no endpoint.
_AT_REST = (None, "InService", "Failed", "OutOfService", "UpdateRollbackFailed")
_NOT_FOUND = ("ValidationException", "ResourceNotFoundException", "NoSuchEntity", "ResourceNotFound")


class StackDeployment:
    """Deploys a stack with a boto3 session. endpoint_url: the harness's, or None for AWS itself."""

    def __init__(self, stack: Stack, session: boto3.Session, endpoint_url: str | None, progress: Progress) -> None:
        self._stack = stack
        self._session = session
        self._endpoint_url = endpoint_url
        self._progress = progress
        self._clients: dict[str, Any] = {}

    def run(self, *, build: bool = True) -> None:
        """Deploys everything and waits until it serves. Raises HarnessError that says what failed and why.

        build: run the models' build scripts first.
        """
        try:
            if build:
                build_models(self._stack, self._progress)
            self.deploy_roles()
            self._deploy_bucket()
            self._deploy_models()
            self._send_local_settings()
            self._deploy_endpoint()
            self.deploy_function()
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

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.client(  # type: ignore[call-overload]
                service,
                region_name=self._stack.region,
                endpoint_url=self._endpoint_url,
                config=Config(retries={"total_max_attempts": 2}, connect_timeout=5),
            )
        return self._clients[service]

    def deploy_roles(self) -> None:
        """Makes the roles, each with the policies that the stack names and no others."""
        iam = self._client("iam")
        for name, role in self._stack.roles.items():
            self._progress(f"role {name}")
            trust = json.dumps(_trust_policy(role))
            try:
                iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
            except iam.exceptions.EntityAlreadyExistsException:
                iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
            self._put_inline_policies(iam, name, role)
            self._attach_managed_policies(iam, name, role)

    def _put_inline_policies(self, iam: Any, name: str, role: RoleTable) -> None:
        documents = {file.stem: self._stack.path(file).read_text(encoding="utf-8") for file in role.policies}
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            if policy not in documents:
                iam.delete_role_policy(RoleName=name, PolicyName=policy)
        for policy, document in documents.items():
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)

    def _attach_managed_policies(self, iam: Any, name: str, role: RoleTable) -> None:
        arns = {_managed_arn(iam, policy) for policy in role.managed_policies}
        attached = {
            policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        }
        for arn in attached - arns:
            iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        for arn in arns - attached:
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)

    def _deploy_bucket(self) -> None:
        s3 = self._client("s3")
        try:
            s3.head_bucket(Bucket=self._stack.bucket)
        except ClientError:
            self._progress(f"bucket {self._stack.bucket}")
            where = {} if self._stack.region == "us-east-1" else {"LocationConstraint": self._stack.region}
            s3.create_bucket(Bucket=self._stack.bucket, **({"CreateBucketConfiguration": where} if where else {}))

    def _deploy_models(self) -> None:
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

    def _upload(self, name: str, model: ModelTable) -> str:
        if not model.is_local:
            return model.model_data
        key = f"{self._stack.name}/{name}/model.tar.gz"
        self._progress(f"upload model data of {name}")
        try:
            self._client("s3").upload_file(str(self._stack.path(model.model_data)), self._stack.bucket, key)
        except S3UploadFailedError as error:
            raise HarnessError(f"{_disk_hint()}{error}") from None
        return f"s3://{self._stack.bucket}/{key}"

    def _send_local_settings(self) -> None:
        """Sends [local] to a harness; another emulator at the URL does not know it and is left alone."""
        if self._endpoint_url is None:
            return
        settings = dump_local_settings(self._stack.local)
        try:
            LocalAwsClient(self._endpoint_url, self._key()).put_endpoint(self._stack.endpoint.name, settings)
        except NoHarness as error:
            if not error.something_else:
                raise

    def _key(self) -> tuple[str, str] | None:
        """The access key and secret of the session."""
        credentials = self._session.get_credentials()
        return None if credentials is None else (str(credentials.access_key), str(credentials.secret_key))

    def _deploy_endpoint(self) -> None:
        """Makes the endpoint and its configuration, in place of those of the same name."""
        sagemaker = self._client("sagemaker")
        name = self._stack.endpoint.name
        if self._endpoint_status(name) is not None:
            self._progress(f"endpoint {name}: replacing the one that is there")
            # An endpoint cannot be deleted amid a change, and one that is being deleted need not be.
            _wait(lambda: self._endpoint_status(name) in _AT_REST, f"endpoint {name} to be at rest")
            if self._endpoint_status(name) is not None:
                sagemaker.delete_endpoint(EndpointName=name)
            _wait(lambda: self._endpoint_status(name) is None, f"endpoint {name} to go")
        if _exists(partial(sagemaker.describe_endpoint_config, EndpointConfigName=name)):
            sagemaker.delete_endpoint_config(EndpointConfigName=name)
        variants = [_variant(key, variant) for key, variant in self._stack.endpoint.production_variants.items()]
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
        self._progress(f"endpoint {name}: loading the model")
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        _wait(lambda: self._endpoint_status(name) != "Creating", f"endpoint {name} to be InService")
        endpoint = sagemaker.describe_endpoint(EndpointName=name)
        if endpoint["EndpointStatus"] != "InService":
            reason = endpoint.get("FailureReason", "no reason given")
            raise HarnessError(f"Endpoint {name} is {endpoint['EndpointStatus']}: {reason}")

    def _endpoint_status(self, name: str) -> str | None:
        """EndpointStatus; None if there is no such endpoint."""
        try:
            return str(self._client("sagemaker").describe_endpoint(EndpointName=name)["EndpointStatus"])
        except ClientError as error:
            if _is_not_found(error):
                return None
            raise

    def deploy_function(self) -> None:
        """Makes or updates the function, its alias and its concurrency, and waits until it is active."""
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
            if _exists(partial(client.get_function, FunctionName=function.name)):
                client.update_function_code(FunctionName=function.name, ZipFile=code)
                client.get_waiter("function_updated_v2").wait(FunctionName=function.name, WaiterConfig={"Delay": 1})
                client.update_function_configuration(**settings)
                client.get_waiter("function_updated_v2").wait(FunctionName=function.name, WaiterConfig={"Delay": 1})
            else:
                _once_role_is_known(lambda: client.create_function(Code={"ZipFile": code}, **settings))
                client.get_waiter("function_active_v2").wait(FunctionName=function.name, WaiterConfig={"Delay": 1})
        except WaiterError as error:
            raise HarnessError(f"Function {function.name} did not become active: {error}") from None
        self._publish(client, function)
        self._set_concurrency(client, function)

    def _publish(self, client: Any, function: FunctionTable) -> None:
        """Publishes a version and points the function's alias to it."""
        if function.alias is None:
            return
        alias = {"FunctionName": function.name, "Name": function.alias}
        version = client.publish_version(FunctionName=function.name)["Version"]
        try:
            client.create_alias(**alias, FunctionVersion=version)
        except client.exceptions.ResourceConflictException:
            client.update_alias(**alias, FunctionVersion=version)

    def _set_concurrency(self, client: Any, function: FunctionTable) -> None:
        """Sets reserved and provisioned concurrency, and removes what an earlier deployment left of either."""
        name, provisioned = function.name, function.provisioned_concurrent_executions
        kept = False
        for config in client.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"]:
            qualifier = config["FunctionArn"].rpartition(":")[2]
            kept = qualifier == function.alias and config["RequestedProvisionedConcurrentExecutions"] == provisioned
            if not kept:  # it could stand in the way of less reserved concurrency
                client.delete_provisioned_concurrency_config(FunctionName=name, Qualifier=qualifier)
        if function.reserved_concurrent_executions is None:
            client.delete_function_concurrency(FunctionName=name)
        else:
            client.put_function_concurrency(
                FunctionName=name, ReservedConcurrentExecutions=function.reserved_concurrent_executions
            )
        if provisioned is None:
            return
        alias = {"FunctionName": name, "Qualifier": function.alias}
        self._progress(f"function {function.qualified_name}: preparing {count(provisioned, 'provisioned environment')}")
        if not kept:
            client.put_provisioned_concurrency_config(**alias, ProvisionedConcurrentExecutions=provisioned)
        _wait(
            lambda: client.get_provisioned_concurrency_config(**alias)["Status"] != "IN_PROGRESS",
            f"provisioned concurrency of {function.qualified_name}",
        )
        concurrency = client.get_provisioned_concurrency_config(**alias)
        if concurrency["Status"] != "READY":
            reason = concurrency.get("StatusReason", "no reason given").rstrip(".")
            raise HarnessError(
                f"{function.qualified_name} could not be provisioned: {reason}. Its log says why it does not start."
            )

    def _role_arn(self, name: str) -> str:
        return str(self._client("iam").get_role(RoleName=name)["Role"]["Arn"])


def _variant(name: str, variant: VariantTable) -> dict[str, Any]:
    """A member of ProductionVariants."""
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
    """The likely reason why a local backend could not keep an upload: it buffers uploads in the temporary folder."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    return f"Only {free // 2**20} MB are free in {folder}: free some, or set TMPDIR. " if free < _LITTLE_SPACE else ""


def _trust_policy(role: RoleTable) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": role.trust}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _managed_arn(iam: Any, name: str) -> str:
    """The ARN of AWS's managed policy of that name, which may be under one of three paths."""
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
        if _is_not_found(error):
            return False
        raise
    return True


def _is_not_found(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in _NOT_FOUND


def _once_role_is_known(create: Callable[[], Any]) -> None:
    """Creates something that has a role; as long as the role cannot be assumed yet, tries again."""
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
    for remaining in _deadline(_WAIT_SECONDS):
        if done():
            return
        if not remaining:
            raise HarnessError(f"Gave up waiting for {what} after {_WAIT_SECONDS} s.")
        time.sleep(_POLL_SECONDS)


def _deadline(seconds: float) -> Iterator[bool]:
    """Yields True until the time is up, then False."""
    end = time.monotonic() + seconds
    while True:
        yield time.monotonic() < end
