"""The images, and the containers while nothing goes wrong."""

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
for package in importlib.metadata.distributions(path=[sysconfig.get_path("purelib")]):
    print(package.name, package.version)
"""
SECRETS = ("SECRET", "TOKEN", "PASSWORD", "AKIA")
SECRET_FILES = re.compile(
    r"(^|/)(\.aws|\.docker|\.git|\.netrc|\.env|\.pypirc|pip\.conf|credentials|id_\w+|[^/]+\.key)$"
)


def test_healthy_within_90_seconds_of_built_images(compose: Compose) -> None:
    assert compose.healthy_seconds < 90 * max(1.0, compose.load)  # on a busy machine, its share of the cores
    for service in ("localstack", "model", "harness"):
        assert {container["Health"] for container in compose.containers(service)} == {"healthy"}


@pytest.mark.parametrize("service", ["harness", "model", "deploy", "model-data"])
def test_no_root_no_writing_no_capability_and_no_docker_socket(compose: Compose, service: str) -> None:
    for container in compose.containers(service):
        details = inspect(container["Name"])
        assert details["HostConfig"]["ReadonlyRootfs"]
        assert details["HostConfig"]["CapDrop"] == ["ALL"]
        assert details["Config"]["User"] not in ("", "root", "0")
        assert not any("docker.sock" in mount["Source"] for mount in details["Mounts"])


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


def test_localstack_does_not_get_the_docker_socket_by_default(compose: Compose) -> None:
    (container,) = compose.containers("localstack")
    mounts = {mount["Destination"]: mount["Source"] for mount in inspect(container["Name"])["Mounts"]}
    assert mounts["/var/run/docker.sock"] == "/dev/null"


@pytest.mark.parametrize("image", IMAGES)
def test_no_secret_in_an_images_environment_or_history(compose: Compose, image: str) -> None:
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image)
    texts = history.upper() + "\n" + str(inspect(image)["Config"]["Env"]).upper()
    assert not [word for word in SECRETS if word in texts]


def test_no_file_of_secrets_in_any_layer(compose: Compose) -> None:
    """This includes layers from which a later layer deletes the file."""
    names = list(files(*IMAGES))
    assert any(name.endswith("/harness/cli/main.py") for name in names)
    secrets = [name for name in names if SECRET_FILES.search(name)]
    # Those in site-packages are keys for tests, which the wheels publish.
    assert [name for name in secrets if "/site-packages/" not in name] == []


def files(*images: str) -> Iterator[str]:
    """The name of every file and folder in every layer. A layer that several images share is read once."""
    with (
        subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saving,
        tarfile.open(fileobj=saving.stdout, mode="r|") as saved,
    ):
        for member in saved:
            if member.size < 10_000:  # a description of an image, not a layer
                continue
            try:
                with tarfile.open(fileobj=saved.extractfile(member), mode="r|") as layer:
                    yield from layer.getnames()
            except tarfile.ReadError:
                assert member.size < 10**6, f"{member.name} is not a layer"


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_is_small_and_has_neither_compiler_nor_cuda(compose: Compose, image: str) -> None:
    assert inspect(image)["Size"] - inspect(BASE)["Size"] < LARGEST[image] * 10**6
    look = "command -v gcc cc g++ nvcc; ls -d /opt/venv/lib/python3*/site-packages/nvidia* 2>/dev/null; true"
    assert docker("run", "--rm", "--entrypoint", "sh", image, "-c", look) == ""


@pytest.mark.parametrize("image", IMAGES)
def test_every_package_in_an_image_has_the_lock_files_version(compose: Compose, image: str) -> None:
    lock = [line.partition(" ;")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()]
    lock += ["torch==2.13.0+cpu", "torchvision==0.28.0", f"sagemaker-harness=={version('sagemaker-harness')}"]
    packages = map(str.split, docker("run", "--rm", "--entrypoint", "python", image, "-c", INSTALLED).splitlines())
    installed = {f"{re.sub(r'[._]', '-', name).lower()}=={installed_version}" for name, installed_version in packages}
    assert len(installed) > 30
    assert installed <= set(lock) | {"torchvision==0.28.0+cpu"}


def test_of_three_model_containers_one_is_in_service(compose: Compose, deployed: DeployedStack) -> None:
    """The endpoint may bring the other two into service."""
    assert len(compose.containers("model")) == 3
    (variant,) = deployed.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 1


def test_deploy_ran_once_and_succeeded(compose: Compose) -> None:
    (container,) = compose.containers("deploy")
    assert (container["State"], container["ExitCode"]) == ("exited", 0)
    assert "endpoint dog-breed-endpoint is InService" in compose("logs", "deploy")
