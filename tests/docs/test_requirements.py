"""Every package that is installed, here and in the images, has the version of the lock file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
LINES = [PROJECT["project"]["dependencies"], *EXTRAS.values(), PROJECT["build-system"]["requires"]]
REQUIREMENTS = [Requirement(line) for line in chain.from_iterable(LINES)]


def pins() -> dict[str, str]:
    """The pinned version of each package for this Python, by its canonical name.

    torch and torchvision are not in constraints.txt: the Makefile and the image's Dockerfile name their CPU builds.
    """
    lines = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines()]
    here = [line for line in lines if not line.marker or line.marker.evaluate()]
    locked = {canonicalize_name(line.name): str(line.specifier).removeprefix("==") for line in here}
    cpu_builds = re.findall(r"(torch|torchvision)==([\d.]+)", (ROOT / "Makefile").read_text())
    return {**locked, **dict(cpu_builds)}


def installed(requirements: list[Requirement]) -> Iterator[tuple[str, str]]:
    """Name and version of every installed package among the requirements and their own requirements."""
    waiting = [(requirement, extra) for requirement in requirements for extra in ("", *requirement.extras)]
    seen = set()
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            package = distribution(name)
        except PackageNotFoundError:  # for another platform, or CUDA, which PyTorch's CPU builds do not need
            continue
        yield name, package.version
        needed = [Requirement(line) for line in package.requires or ()]
        needed = [child for child in needed if not child.marker or child.marker.evaluate({"extra": extra})]
        waiting += [(child, child_extra) for child in needed for child_extra in ("", *child.extras)]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_a_requirement_is_pinned_to_a_version_that_it_allows(requirement: Requirement) -> None:
    assert requirement.name in pins(), "`make lock` writes constraints.txt"
    assert requirement.specifier.contains(pins()[requirement.name])


def test_every_installed_package_has_its_pinned_version() -> None:
    pinned, versions = pins(), dict(installed(REQUIREMENTS))
    assert len(versions) > 100
    assert {name for name in versions if name not in pinned} == set()
    assert {name: version for name, version in versions.items() if pinned[name] != version.partition("+")[0]} == {}


def test_the_model_image_and_make_name_the_same_pytorch() -> None:
    image = (ROOT / "model_server" / "Dockerfile").read_text()
    assert {f"{name}=={version}" for name, version in re.findall(r'"(torch|torchvision)==([\d.]+)', image)} == {
        f"{name}=={pins()[name]}" for name in ("torch", "torchvision")
    }
