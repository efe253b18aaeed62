"""Every version that is installed, here and in the images, is the lock file's."""

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
NAMED = [Requirement(line) for line in chain.from_iterable(LINES)]


def pins() -> dict[str, str]:
    """The version of each package that applies to this Python, by its canonical name.

    torch and torchvision have a place of their own: the CPU builds that the Makefile and the image's Dockerfile name.
    """
    lines = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines()]
    ours = [one for one in lines if not one.marker or one.marker.evaluate()]
    found = {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in ours}
    cpu = re.findall(r"(torch|torchvision)==([\d.]+)", (ROOT / "Makefile").read_text())
    return {**found, **dict(cpu)}


def installed(names: list[Requirement]) -> Iterator[tuple[str, str]]:
    """Name and version of every package that these bring along, as far as they are installed."""
    waiting, seen = [(one, extra) for one in names for extra in ("", *one.extras)], set()
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            found = distribution(name)
        except PackageNotFoundError:  # another platform's, or CUDA's: PyTorch's CPU builds do without
            continue
        yield name, found.version
        needed = [Requirement(line) for line in found.requires or ()]
        needed = [one for one in needed if not one.marker or one.marker.evaluate({"extra": extra})]
        waiting += [(one, own) for one in needed for own in ("", *one.extras)]


@pytest.mark.parametrize("requirement", NAMED, ids=str)
def test_a_requirement_is_pinned_to_a_version_that_it_allows(requirement: Requirement) -> None:
    assert requirement.name in pins(), "`make lock` writes constraints.txt"
    assert requirement.specifier.contains(pins()[requirement.name])


def test_so_is_whatever_a_requirement_brings_along() -> None:
    pinned, found = pins(), dict(installed(NAMED))
    assert len(found) > 100
    assert {name for name in found if name not in pinned} == set()
    assert {name: version for name, version in found.items() if pinned[name] != version.partition("+")[0]} == {}


def test_the_model_image_and_make_name_the_same_pytorch() -> None:
    image = (ROOT / "model_server" / "Dockerfile").read_text()
    assert {f"{name}=={version}" for name, version in re.findall(r'"(torch|torchvision)==([\d.]+)', image)} == {
        f"{name}=={pins()[name]}" for name in ("torch", "torchvision")
    }
