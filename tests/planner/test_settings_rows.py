"""A setting reads in AWS's own terms, with its units: a target is invocations a minute, not concurrent requests."""

from __future__ import annotations

import itertools

import pytest

from harness.core.figures import NARROW
from harness.planner.settings_rows import (
    Value,
    differences,
    in_short,
    in_words,
    setting_rows,
)
from harness.planner.tracked_metrics import METRICS
from harness.simulator.settings import (
    CONCURRENCY,
    INVOCATIONS,
    FunctionSettings,
    ProvisionedScaling,
    ScheduledCapacity,
    Settings,
    TrackingSettings,
    VariantSettings,
)
from tests.report.plan.plans import rich_settings, settings


def values(setting: Settings) -> dict[str, Value | None]:
    return {row.name: row.values[0] for row in setting_rows([setting])}


@pytest.mark.parametrize(
    ("target_value", "meaning"), [(5, f"one request every 12{NARROW}s"), (690, "11.5/s"), (60, "1.00/s")]
)
def test_a_target_of_invocations_a_minute_is_said_by_the_second(target_value: float, meaning: str) -> None:
    assert METRICS[INVOCATIONS].meaning(target_value) == meaning


def test_a_target_of_concurrent_requests_is_no_rate() -> None:
    policy = TrackingSettings(metric=CONCURRENCY, target_value=4)
    rows_by_name = values(Settings(variants=(VariantSettings(instance_type="ml.m5.large", tracking=(policy,)),)))
    assert rows_by_name["Target value"] == Value("4", "concurrent requests per model")


def test_every_setting_of_a_variant_and_its_function_has_a_row() -> None:
    rows_by_name = values(settings(target=5, reserved=2, provisioned=2))
    assert list(rows_by_name) == [
        "Instance type", "Instances at first", "Routing", "Least instances", "Most instances", "Target value",
        "Scale-out cooldown", "Scale-in cooldown", "Memory", "Timeout", "Reserved concurrency",
        "Provisioned concurrency",
    ]  # fmt: skip
    assert rows_by_name["Target value"] == Value(
        "5", f"invocations a minute per instance: one request every 12{NARROW}s"
    )
    assert rows_by_name["Scale-in cooldown"] == Value(f"5{NARROW}min")
    assert rows_by_name["Reserved concurrency"] == Value("2", "guaranteed, and at most")


def test_no_reserved_concurrency_is_not_none_at_all() -> None:
    assert values(settings())["Reserved concurrency"] == Value("none", "shares the account's")


def test_steps_say_from_where_on_they_add_or_remove_how_much() -> None:
    rows_by_name = values(rich_settings())
    assert rows_by_name["Step policy"] == Value(
        "+1, +2 from 300 above it after 2 minutes above 900 invocations a minute per instance", f"cooldown 5{NARROW}min"
    )
    assert rows_by_name["Step policy 2"] == Value(
        "−1 after 3 minutes below 200 invocations a minute per instance", f"cooldown 10{NARROW}min"
    )


def test_a_schedule_is_daily_in_utc_and_one_row_however_many_its_hours() -> None:
    scheduled = rich_settings().variants[0]
    actions = (*scheduled.schedule, ScheduledCapacity(second_of_day=72_000, min_capacity=1, max_capacity=1))
    rows_by_name = values(Settings(variants=(scheduled.model_copy(update={"schedule": actions}),)))
    assert rows_by_name["Schedule"] == Value("08:00 2–3; 20:00 1", "each day from then on, UTC: least–most instances")


def test_a_fleet_without_policies_is_fixed_and_has_no_bounds() -> None:
    rows_by_name = values(settings(target=None, least=2, most=2))
    assert rows_by_name["Scaling"] == Value("none", "the fleet is fixed")
    assert "Most instances" not in rows_by_name


def test_provisioned_scaling_and_a_policy_that_never_scales_in_are_said() -> None:
    scaled = Settings(
        variants=(
            VariantSettings(
                name="Blue",
                instance_type="ml.c5.xlarge",
                max_capacity=2,
                tracking=(TrackingSettings(target_value=120, disable_scale_in=True),),
            ),
            VariantSettings(name="Green", instance_type="ml.c5.xlarge", initial_variant_weight=0.25),
        ),
        function=FunctionSettings(
            provisioned_scaling=ProvisionedScaling(min_capacity=1, max_capacity=9, target_value=0.7)
        ),
    )
    rows = setting_rows([scaled])
    assert [row.part for row in rows if row.name == "Weight"] == ["Variant Blue", "Variant Green"]
    rows_by_name = {(row.part, row.name): row.values[0] for row in rows}
    assert rows_by_name["Variant Blue", "Scale-in cooldown"] == Value("never scales in")
    assert rows_by_name["Function", "Provisioned scaling"] == Value("1 to 9", f"at 70{NARROW}% in use")
    assert in_short(scaled) == "1–2 ml.c5.xlarge, target 120 a minute each + 1 ml.c5.xlarge, fixed"


def test_settings_stand_side_by_side_with_a_gap_where_one_has_no_such_thing() -> None:
    rows = {row.name: row.values for row in setting_rows([settings(), settings(target=None, most=1)])}
    assert rows["Most instances"] == (Value("3"), None)
    assert rows["Scaling"] == (None, Value("none", "the fleet is fixed"))


def test_only_what_differs_is_named() -> None:
    assert differences(settings(), settings(target=620, reserved=5)) == ["target value 620", "reserved concurrency 5"]
    assert differences(settings(), settings()) == []
    assert differences(rich_settings(), settings())[-1].startswith("no ")


def test_in_few_words_and_in_a_sentence() -> None:
    assert in_short(settings(target=1500, reserved=5, provisioned=2)) == (
        "1–3 ml.m5.large, target 1,500 a minute each; reserved 5, provisioned 2"
    )
    assert in_short(settings(target=None, most=1)) == "1 ml.m5.large, fixed"
    assert in_short(rich_settings()) == "1–3 ml.m5.large, target 690 a minute each, steps, schedule"
    assert in_words(settings(least=2, most=2)) == (
        "2 ml.m5.large, scaled at 690 invocations a minute per instance, with no reserved and no provisioned "
        "concurrency"
    )
    assert in_words(settings(reserved=5, provisioned=2)).endswith(
        "with a reserved concurrency of 5 and a provisioned concurrency of 2"
    )
    assert in_words(Settings(variants=(VariantSettings(instance_type="ml.m5.large"),))) == "1 ml.m5.large, not scaled"


def test_the_rows_of_a_part_stand_together_whatever_each_of_the_settings_has() -> None:
    bare, rich = settings(), rich_settings()
    fleet = VariantSettings(name="AllTraffic", instance_type="ml.m5.large")
    fixed = Settings(variants=(fleet,), function=FunctionSettings())
    for side_by_side in itertools.permutations([bare, rich, fixed]):
        parts = [row.part for row in setting_rows(list(side_by_side))]
        assert [part for part, _ in itertools.groupby(parts)] == list(dict.fromkeys(parts))
