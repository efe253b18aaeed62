"""Scenarios one after the other: what is missing is said before anything is sent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.load.locust import unpatched  # noqa: F401 - before locust

from harness.load.locust import stages  # isort: skip


def environment(names: str) -> Any:
    classes = [type("EndpointJpeg", (), {}), type("Steady", (), {})]
    return SimpleNamespace(user_classes=classes, parsed_options=SimpleNamespace(stages=names))


def test_a_scenario_that_is_not_there_is_named_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        stages._check_before_start(environment("Steady,Nope"))
    assert ended.value.code == 1
    assert capsys.readouterr().err == "There is no scenario Nope; there are: EndpointJpeg, Steady.\n"


@pytest.mark.parametrize("names", ["", "Steady", "Steady,EndpointJpeg,"])
def test_scenarios_that_are_there(names: str) -> None:
    stages._check_before_start(environment(names))
