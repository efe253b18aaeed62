"""What is true of the images and of the containers while all is well."""

from __future__ import annotations

import re
import subprocess
import tarfile
from collections.abc import Iterator
from importlib.metadata import version

import pytest

from tests.compose.conftest import Compose
from tests.compose.helpers import ENDPOINT, docker, inspect
from tests.end_to_end.deployed import ROOT, DeployedStack

IMAGES = ("sagemaker-harness:tests", "sagemaker-harness-model:tests", "sagemaker-harness-load:tests")
BASE = "python:3.11-slim-bookworm"
# What an image adds to its base, in MB: measured 125, 980 and 570. PyTorch's CUDA libraries alone would be 2,500.
LARGEST = {"sagemaker-harness:tests": 180, "sagemaker-harness-model:tests": 1100, "sagemaker-harness-load:tests": 700}
INSTALLED = """
import importlib.metadata, sysconfig
for found in importlib.metadata.distributions(path=[sysconfig.get_path("purelib")]):
    print(found.name, found.version)
"""
SECRETS = ("SECRET", "TOKEN", "PASSWORD", "AKIA")
SECRET_FILES = re.compile(
    r"(^|/)(\.aws|\.docker|\.git|\.netrc|\.env|\.pypirc|pip\.conf|credentials|id_\w+|[^/]+\.key)$"
)


def test_healthy_within_90_seconds_of_built_images(compose: Compose) -> None:
    assert compose.healthy_seconds < 90
    for service in ("localstack", "model", "harness"):
        assert {container["Health"] for container in compose.containers(service)} == {"healthy"}


@pytest.mark.parametrize("service", ["harness", "model", "deploy", "model-data"])
def test_no_root_no_writing_no_capability_and_no_docker_socket(compose: Compose, service: str) -> None:
    for container in compose.containers(service):
        found = inspect(container["Name"])
        assert found["HostConfig"]["ReadonlyRootfs"]
        assert found["HostConfig"]["CapDrop"] == ["ALL"]
        assert found["Config"]["User"] not in ("", "root", "0")
        assert not any("docker.sock" in mount["Source"] for mount in found["Mounts"])


def test_a_model_container_has_the_instance_types_limits(compose: Compose) -> None:
    limits = inspect(compose.containers("model")[0]["Name"])["HostConfig"]
    assert limits["Memory"] == 8 * 2**30
    assert limits["NanoCpus"] == 10**9 * int(compose.environment["MODEL_CPUS"])


def test_nothing_is_published_beyond_loopback(compose: Compose) -> None:
    published = []
    for service in ("harness", "model", "localstack"):
        for container in compose.containers(service):
            ports = inspect(container["Name"])["NetworkSettings"]["Ports"]
            published += [(service, binding["HostIp"]) for bindings in ports.values() for binding in bindings or ()]
    assert published == [("harness", "127.0.0.1")]


def test_the_docker_socket_is_not_localstacks_by_default(compose: Compose) -> None:
    (container,) = compose.containers("localstack")
    (mount,) = [one for one in inspect(container["Name"])["Mounts"] if one["Destination"] == "/var/run/docker.sock"]
    assert mount["Source"] == "/dev/null"


@pytest.mark.parametrize("image", IMAGES)
def test_no_secret_in_an_images_environment_or_history(compose: Compose, image: str) -> None:
    made = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image)
    assert not [
        word for word in SECRETS if word in made.upper() or word in str(inspect(image)["Config"]["Env"]).upper()
    ]


def test_no_file_of_secrets_in_any_layer(compose: Compose) -> None:
    """Nor in one that a later layer deletes it from."""
    names = list(files(*IMAGES))
    assert any(name.endswith("/harness/cli/main.py") for name in names)
    found = [name for name in names if SECRET_FILES.search(name)]
    assert [name for name in found if "/site-packages/" not in name] == []  # tests' keys, published in the wheels


def files(*images: str) -> Iterator[str]:
    """The name of every file and folder in every layer, those of the layers that the images share once."""
    with (
        subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saving,
        tarfile.open(fileobj=saving.stdout, mode="r|") as saved,
    ):
        for member in saved:
            if member.size < 10_000:  # what describes an image
                continue
            try:
                with tarfile.open(fileobj=saved.extractfile(member), mode="r|") as layer:
                    yield from layer.getnames()
            except tarfile.ReadError:
                assert member.size < 10**6, f"{member.name} is not a layer"


@pytest.mark.parametrize("image", IMAGES)
def test_images_are_small_without_compiler_and_cuda(compose: Compose, image: str) -> None:
    assert inspect(image)["Size"] - inspect(BASE)["Size"] < LARGEST[image] * 10**6
    look = "command -v gcc cc g++ nvcc; ls -d /opt/venv/lib/python3*/site-packages/nvidia* 2>/dev/null; true"
    assert docker("run", "--rm", "--entrypoint", "sh", image, "-c", look) == ""


@pytest.mark.parametrize("image", IMAGES)
def test_every_version_in_an_image_is_the_lock_files(compose: Compose, image: str) -> None:
    lock = [line.partition(" ;")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()]
    lock += ["torch==2.13.0+cpu", "torchvision==0.28.0", f"sagemaker-harness=={version('sagemaker-harness')}"]
    said = docker("run", "--rm", "--entrypoint", "python", image, "-c", INSTALLED)
    installed = {re.sub(r"[._]", "-", name).lower() + "==" + found for name, found in map(str.split, said.splitlines())}
    assert len(installed) > 30
    assert installed <= set(lock) | {"torchvision==0.28.0+cpu"}


def test_three_model_containers_are_there_and_one_is_in_service(compose: Compose, deployed: DeployedStack) -> None:
    """The others are what the endpoint may bring into service."""
    assert len(compose.containers("model")) == 3
    (variant,) = deployed.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 1


def test_deploy_ran_once_and_ended_well(compose: Compose) -> None:
    (container,) = compose.containers("deploy")
    assert (container["State"], container["ExitCode"]) == ("exited", 0)
    assert "endpoint dog-breed-endpoint is InService" in compose("logs", "deploy")
