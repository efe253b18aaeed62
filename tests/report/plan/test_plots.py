"""The plots of a plan: time axes, labels that do not overlap, hollow dots where the objective is missed."""

from __future__ import annotations

import itertools
import math
import re
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Text

from harness.planner.plan import Distribution, MinuteSeries
from harness.report.drawing import Plot
from harness.report.plan.choice_plots import cost_axis, front, sensitivity, spectrum
from harness.report.plan.labels import place_labels, spread
from harness.report.plan.time_plots import fleets, label_time_axis, lambda_concurrency, over_the_day
from tests.figures import plain
from tests.report.plan.plans import a_plan, candidate, minutes, rich_settings, settings

DAY = 86_400.0


def written(plot: Plot | None) -> list[str]:
    """The words in the wide drawing."""
    assert plot is not None
    return [plain(words) for words in re.findall(r"<text[^>]*>([^<]*)</text>", plot.wide)]


def ticks(seconds: float, begins: str | None, most: int = 8) -> tuple[list[str], str]:
    axes = Figure().add_subplot()
    label_time_axis(axes, seconds, datetime.fromisoformat(begins) if begins else None, most)
    axes.figure.draw_without_rendering()
    return [plain(label.get_text()) for label in axes.get_xticklabels()], axes.get_xlabel()


@pytest.mark.parametrize(
    ("seconds", "begins", "labels", "title"),
    [
        (DAY, "1995-07-13T00:00:00-04:00", ["00:00", "03:00", "06:00"], "13 July 1995 (UTC−04:00)"),
        (DAY, "1995-07-13T05:10:00+00:00", ["06:00", "09:00", "12:00"], "13 July to 14 July 1995 (UTC+00:00)"),
        (14 * DAY, "1995-07-06T00:00:00", ["6 Jul", "8 Jul", "10 Jul"], "6 July to 19 July 1995"),
        (1800, "1995-07-13T14:02:00-04:00", ["14:05", "14:10", "14:15"], "13 July 1995 (UTC−04:00)"),
        (DAY, None, ["0", "3 h", "6 h"], "time since the beginning"),
        (3600, None, ["0", "10 min", "20 min"], "time since the beginning"),
        (30 * DAY, None, ["0", "7 d", "14 d"], "time since the beginning"),
    ],
)
def test_the_time_axis_has_whole_hours_and_days_of_the_traffics_own_clock(
    seconds: float, begins: str | None, labels: list[str], title: str
) -> None:
    tick_labels, axis_title = ticks(seconds, begins)
    assert tick_labels[:3] == labels
    assert axis_title == title
    assert 3 <= len(tick_labels) <= 9


def test_the_panels_of_a_day_share_one_axis_and_show_their_limits() -> None:
    words = written(over_the_day(a_plan()))
    titles = [
        "Requests a second", "Instances", "Invocations a minute per instance", "Alarms",
        "Requests waiting in model servers", "Latency", "Failed requests a minute",
    ]  # fmt: skip
    assert [word for word in words if word in titles] == titles
    assert {"maximum 3", "target 690", "objective 500 ms", "high", "low"} <= set(words)
    assert words.count("06:00") == 1


def test_a_day_without_failures_has_no_panel_for_them() -> None:
    series = a_plan().minutes[0]
    count = len(series.errors)
    calm = a_plan(minutes=(series.model_copy(update={"errors": [0.0] * count, "throttles": [0.0] * count}),))
    assert "Failed requests a minute" not in written(over_the_day(calm))
    assert "Throttles a minute" not in written(lambda_concurrency(calm))


def test_the_highest_maximum_of_a_schedule_is_the_maximum() -> None:
    scheduled = rich_settings().variants[0]
    raised = scheduled.model_copy(
        update={"schedule": (scheduled.schedule[0].model_copy(update={"max_capacity": 7}),), "tracking": ()}
    )
    chosen = candidate("recommended", rich_settings().model_copy(update={"variants": (raised,)}))
    words = written(over_the_day(a_plan(recommended=chosen)))
    assert "maximum 7" in words
    assert not [word for word in words if word.startswith("target")]


@pytest.mark.parametrize(
    ("reserved", "provisioned", "said"),
    [
        (12, 4, ["reserved 12", "provisioned 4"]),
        (None, 0, ["account 1,000 ↑"]),
        (900, 0, ["reserved 900 ↑"]),
    ],
)
def test_lambda_concurrency_is_drawn_against_its_limits(
    reserved: int | None, provisioned: int, said: list[str]
) -> None:
    chosen = candidate("recommended", settings(reserved=reserved, provisioned=provisioned))
    words = written(lambda_concurrency(a_plan(recommended=chosen)))
    assert [word for word in words if word.split(" ")[0] in {"reserved", "provisioned", "account"}] == said


def test_fleets_are_drawn_below_each_other_with_their_time_at_the_maximum() -> None:
    compared = a_plan().compared[2], candidate("calm", hours_at_maximum=0)
    words = written(fleets(a_plan(compared=compared, minutes=tuple(minutes(shown.label) for shown in compared))))
    assert "write-up B: 23 h 36 min at its maximum" in words
    assert "calm: never at its maximum" in words


def test_a_fortnight_is_no_larger_than_a_day() -> None:
    """A drawing has as many points as its shape has room for, whatever the traffic's length."""
    day = over_the_day(a_plan())
    traffic = a_plan().traffic.model_copy(update={"seconds": 14 * DAY})
    long = over_the_day(a_plan(traffic=traffic, minutes=(minutes("recommended", seconds=14 * DAY),)))
    assert day is not None
    assert long is not None
    assert len(long.wide) < 2.5 * len(day.wide)
    assert len(day.narrow) < len(day.wide) < 300_000


def test_series_without_answers_or_without_traffic_are_drawn() -> None:
    series = a_plan().minutes[0]
    silent = series.model_copy(update={name: [None] * len(series.p50) for name in ("p50", "p99")})
    still = MinuteSeries(label="recommended", **{
        name: [0.0] * 60 for name in MinuteSeries.model_fields if name not in {"label", "step"}
    })  # fmt: skip
    for shown in (silent, still):
        plan = a_plan(minutes=(shown,))
        assert "Latency" in written(over_the_day(plan))
        assert lambda_concurrency(plan) is not None


def test_the_front_names_the_chosen_the_runner_up_and_the_compared_and_is_hollow_where_the_objective_is_missed() -> (
    None
):
    plot = front(a_plan())
    words = written(plot)
    assert {"recommended", "runner-up", "write-up B", "rule of thumb"} <= set(words)
    assert "objective 500 ms" in words
    assert "one instance" not in words  # nothing of it was answered: it has no p99
    assert plot is not None
    assert "var(--page)" in plot.wide


def test_an_axis_of_the_front_is_logarithmic_where_its_values_span_much() -> None:
    axes = Figure().add_subplot()
    cost_axis(axes, np.array([10.0, 40.0]))
    assert axes.get_xscale() == "linear"
    cost_axis(axes, np.array([10.0, 400.0]))
    assert axes.get_xscale() == "log"
    wide = candidate("wide", instances=90, p99=30.0)
    assert "10 s" in written(front(a_plan(compared=(wide,))))


def test_without_any_latency_there_is_no_front() -> None:
    nothing = candidate("nothing", p99=None)
    assert front(a_plan(recommended=None, runner_up=None, compared=(nothing,), front=())) is None
    alone = a_plan(recommended=None, runner_up=None, compared=(candidate("alone"),), front=())
    assert "alone" in written(front(alone))


def test_the_distribution_gives_each_nine_its_place_and_every_line_its_name() -> None:
    words = written(spectrum(a_plan()))
    assert [word for word in words if re.fullmatch(r"[\d.]+ %", word)] == [
        "0 %", "50 %", "90 %", "99 %", "99.9 %", "99.99 %",
    ]  # fmt: skip
    assert {"recommended", "runner-up", "write-up B", "rule of thumb"} <= set(words)
    assert "objective: 99 % within 500 ms" in words


def test_a_distribution_that_ends_in_the_maximum_is_drawn_and_without_distributions_there_is_no_plot() -> None:
    whole = Distribution(label="recommended", probabilities=[0.5, 0.9, 1.0], seconds=[0.1, 0.2, 9.0])
    assert "50 %" in written(spectrum(a_plan(distributions=(whole,))))
    assert spectrum(a_plan(distributions=())) is None


def test_sensitivity_begins_with_the_setting_that_moves_most() -> None:
    words = written(sensitivity(a_plan()))
    names = ["target value", "routing strategy", "scale in cooldown", "reserved concurrent executions"]
    assert [word for word in words if word in names] == names
    assert "860" in words
    assert sensitivity(a_plan(sensitivity=())) is None
    assert sensitivity(a_plan(recommended=None)) is None


def test_a_value_without_answers_has_a_cost_and_no_p99() -> None:
    change = a_plan().sensitivity[0]
    dead = change.model_copy(update={"value": "dead", "figures": candidate("dead", p99=None).figures})
    words = written(sensitivity(a_plan(sensitivity=(dead, change))))
    assert words.count("dead") == 1


@given(
    st.lists(st.floats(-1, 2), max_size=12),
    st.floats(0.01, 0.2),
)
def test_names_at_the_lines_ends_keep_their_distance_and_their_order(places: list[float], gap: float) -> None:
    moved = spread(places, gap, 0.0, 1.0)
    assert len(moved) == len(places)
    order = sorted(range(len(places)), key=lambda index: places[index])
    assert all(moved[b] - moved[a] > gap * 0.99 for a, b in itertools.pairwise(order))
    if places and max(places) <= 1 and len(places) * gap < 1:
        assert max(moved) <= 1 + 1e-9


def test_names_that_have_room_stay_where_they_are() -> None:
    assert spread([0.9, 0.1, 0.5], 0.1, 0.0, 1.0) == [0.9, 0.1, 0.5]


def test_labels_of_points_close_together_do_not_overlap() -> None:
    figure = Figure(figsize=(8, 4))
    axes = figure.add_subplot()
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    points = [(f"setting {index}", 50 + index * 0.7, 50.0) for index in range(7)]
    place_labels(axes, points, ["#000000"] * 7, [False] * 7)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # without the line to its point
    assert not any(
        a.x0 < b.x1 and b.x0 < a.x1 and a.y0 < b.y1 and b.y0 < a.y1 for a, b in itertools.combinations(boxes, 2)
    )
    assert all(math.dist((box.x0, box.y0), (boxes[0].x0, boxes[0].y0)) < 400 for box in boxes)
