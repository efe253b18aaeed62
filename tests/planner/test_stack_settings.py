"""A stack file's own settings as the planner has them, and whether a profile is of its model."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from harness.core.errors import HarnessError
from harness.core.profile import Profile
from harness.planner.stack_settings import check_model, stack_settings
from harness.simulator.settings import CONCURRENCY
from harness.stack.file import load_stack
from tests.profiles import a_profile

ROOT = Path(__file__).resolve().parents[2]
WRITE_UPS = ROOT / "fixtures" / "writeups"
MODEL = b"a model"

BASE = """
name = "mine"
bucket = "mine-models"
[roles.model]
trust = "sagemaker.amazonaws.com"
[models.mine]
role = "model"
image = "an-image"
model_data = "model.tar.gz"
[endpoint]
name = "mine"
[endpoint.production_variants.AllTraffic]
model = "mine"
initial_instance_count = 2
"""


def a_stack(folder: Path, more: str = "") -> Path:
    (folder / "model.tar.gz").write_bytes(MODEL)
    file = folder / "stack.toml"
    file.write_text(BASE + more)
    return file


def test_the_write_ups_settings_are_what_their_files_say() -> None:
    settings = stack_settings(load_stack(WRITE_UPS / "e" / "stack.toml"))
    (variant,) = settings.variants
    assert (variant.instance_type, variant.min_capacity, variant.max_capacity) == ("ml.m5.large", 1, 3)
    (policy,) = variant.tracking
    assert (policy.target_value, policy.scale_in_cooldown, policy.scale_out_cooldown) == (25, 300, 30)
    function = settings.function
    assert function is not None
    assert (function.reserved_concurrent_executions, function.provisioned_concurrent_executions) == (5, 3)
    assert (function.memory_size, function.timeout) == (128, 60)


def test_without_scaling_the_fleet_is_fixed_and_without_a_function_there_is_none(tmp_path: Path) -> None:
    settings = stack_settings(load_stack(a_stack(tmp_path)))
    assert not settings.variants[0].scales
    assert (settings.variants[0].min_capacity, settings.variants[0].max_capacity) == (2, 2)
    assert settings.function is None


def test_every_kind_of_policy_and_daily_schedules_are_read(tmp_path: Path) -> None:
    file = a_stack(
        tmp_path,
        f"""
[scaling.variants.AllTraffic]
min_capacity = 1
max_capacity = 8
[scaling.variants.AllTraffic.target_tracking.tracked]
target_value = 3
predefined_metric_type = "{CONCURRENCY}"
[scaling.variants.AllTraffic.step_scaling.out]
threshold = 300
above = true
evaluation_periods = 2
steps = [{{ bound = 0, adjustment = 1 }}, {{ bound = 100, adjustment = 3 }}]
[scaling.variants.AllTraffic.scheduled_actions.evening]
schedule = "cron(0 20 * * ? *)"
max_capacity = 2
[scaling.variants.AllTraffic.scheduled_actions.morning]
schedule = "cron(30 7 * * ? *)"
timezone = "Europe/Berlin"
min_capacity = 4
""",
    )
    (variant,) = stack_settings(load_stack(file)).variants
    assert variant.tracking[0].metric == CONCURRENCY
    assert (variant.tracking[0].scale_in_cooldown, variant.tracking[0].scale_out_cooldown) == (300, 300)
    (step,) = variant.steps
    assert (step.threshold, step.above, step.periods, step.cooldown) == (300, True, 2, 300)
    assert [(entry.bound, entry.adjustment) for entry in step.steps] == [(0, 1), (100, 3)]
    assert [(action.second_of_day, action.min_capacity, action.max_capacity) for action in variant.schedule] == [
        (int(6.5 * 3600), 4, 8),
        (20 * 3600, 1, 2),
    ]


def test_a_schedule_that_is_not_daily_cannot_be_simulated_and_is_said(tmp_path: Path) -> None:
    file = a_stack(
        tmp_path,
        """
[scaling.variants.AllTraffic]
max_capacity = 8
[scaling.variants.AllTraffic.scheduled_actions.weekly]
schedule = "cron(0 8 ? * MON *)"
min_capacity = 4
""",
    )
    with pytest.raises(HarnessError, match=r"The scheduled action weekly .* does not come once a day"):
        stack_settings(load_stack(file))


def of(digest: str | None) -> Profile:
    profile = a_profile()
    return profile.model_copy(update={"provenance": profile.provenance.model_copy(update={"model_sha256": digest})})


def test_a_profile_of_another_model_version_is_refused(tmp_path: Path) -> None:
    stack = load_stack(a_stack(tmp_path))
    assert check_model(stack, "AllTraffic", of(hashlib.sha256(MODEL).hexdigest())) is None
    with pytest.raises(HarnessError, match=r"is of another model .*: measure this one with `harness measure`"):
        check_model(stack, "AllTraffic", of("0" * 64))


def test_a_profile_that_does_not_name_its_model_is_taken_and_the_assumption_said(tmp_path: Path) -> None:
    stack = load_stack(a_stack(tmp_path))
    assert "does not say of which model it is" in str(check_model(stack, "AllTraffic", of(None)))


def test_a_model_that_is_not_here_is_taken_and_the_assumption_said(tmp_path: Path) -> None:
    stack = load_stack(a_stack(tmp_path))
    (tmp_path / "model.tar.gz").unlink()
    assert "is not on this machine" in str(check_model(stack, "AllTraffic", of("0" * 64)))
