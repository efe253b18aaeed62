"""The machine's clock is stepped while everything runs, as after a laptop's sleep: what must not notice does not.

With libfaketime below the local AWS and all that it starts; skipped where that is not installed (Debian: libfaketime).
"""

from __future__ import annotations

import glob
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from harness.core.clock import WallClock
from tests.robustness.small_stack import TwinStack, twin_stack

pytestmark = pytest.mark.unmeasured

LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketime.so.1") + glob.glob("/usr/lib*/faketime/libfaketime.so.1")  # noqa: PTH207
HOUR = 3600.0


class Wall:
    """The clock of processes that the library is loaded into."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.step(0)

    def step(self, seconds: float) -> None:
        """Seconds from the machine's own clock."""
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{seconds:+.0f}")
        draft.replace(self._file)
        time.sleep(0.1)


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TwinStack, Wall]]:
    if not LIBRARIES:
        pytest.skip("libfaketime is not installed, without which no process can be shown another time")
    # The function does not see the machine's /tmp.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, pytest.MonkeyPatch.context() as patch:
        wall = Wall(Path(folder) / "offset")
        variables = {
            "LD_PRELOAD": LIBRARIES[0],
            "FAKETIME_TIMESTAMP_FILE": str(Path(folder) / "offset"),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        # Inherited by the local AWS, not by this process, whose libraries were chosen when it began.
        for name, value in variables.items():
            patch.setenv(name, value)
        with twin_stack(tmp_path_factory.mktemp("clock"), variables=variables, target=20) as stack:
            yield stack, wall


@pytest.fixture(autouse=True)
def _set_right(stepped: tuple[TwinStack, Wall]) -> Iterator[None]:
    yield
    stepped[1].step(0)


def test_the_step_is_seen_below_and_not_here(stepped: tuple[TwinStack, Wall]) -> None:
    """Without this the other tests prove nothing. Credentials end by the wall clock."""
    stack, wall = stepped
    sts = stack.aws.client("sts")
    wall.step(5 * HOUR)
    expires: datetime = sts.get_session_token(DurationSeconds=3600)["Credentials"]["Expiration"]
    assert abs(expires - datetime.now(expires.tzinfo) - timedelta(hours=6)) < timedelta(minutes=1)


@pytest.mark.parametrize("hours", [-3, 3, -24, 24])
def test_a_warm_function_answers_after_a_step(stepped: tuple[TwinStack, Wall], hours: int) -> None:
    """The credentials have expired by the new time, or are from its future, and requests have its dates."""
    stack, wall = stepped
    assert stack.function.invoke().error is None
    wall.step(hours * HOUR)
    answer = stack.function.invoke()
    assert answer.error is None, answer.payload
    assert "Traceback" not in stack.log


@pytest.mark.parametrize("hours", [-3, 3])
def test_alarms_and_cooldowns_go_by_a_clock_that_is_not_stepped(stepped: tuple[TwinStack, Wall], hours: int) -> None:
    stack, wall = stepped
    before, began = stack.clock.now(), time.monotonic()
    wall.step(hours * HOUR)
    assert stack.clock.now() - before == pytest.approx(time.monotonic() - began, abs=2)


def test_it_scales_out_whatever_the_wall_says(stepped: tuple[TwinStack, Wall]) -> None:
    """Traffic is above the target for three minutes. The clock steps back in the first and forward in the second."""
    stack, wall = stepped
    sagemaker = stack.aws.client("sagemaker")
    # Several requests a minute, because the clock may run on for some seconds more.
    for hours in (0, -2, 2, 0, 0):
        wall.step(hours * HOUR)
        for _ in range(3):
            for _ in range(25):
                stack.endpoint.invoke({})
            stack.clock.advance(20)
    stack.clock.advance(180)
    variant = sagemaker.describe_endpoint(EndpointName="small")["ProductionVariants"][0]
    assert variant["DesiredInstanceCount"] > 1


def test_a_sped_up_clock_does_not_see_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = WallClock(10)
    before = clock.now()
    monkeypatch.setattr(time, "time", lambda: before - 86_400)
    assert 0 <= clock.now() - before < 60
