"""Each form of traffic: its schedule, its expression, and its place in help and docs."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.plan import plan
from harness.core.errors import HarnessError
from harness.load.schedule import even
from harness.load.traffic_forms import TRAFFIC_FORMS, TrafficForm, constant, daily_cycle, ramp, spike, steps

ROOT = Path(__file__).resolve().parents[2]
FORMS = pytest.mark.parametrize("form", TRAFFIC_FORMS.values(), ids=TRAFFIC_FORMS)


def test_a_constant_rate_begins_at_once() -> None:
    assert list(even(constant(4, 1))) == [0, 0.25, 0.5, 0.75]


def test_a_ramp_gets_denser() -> None:
    times = list(even(ramp(0, 10, 20)))
    assert len(times) == 100
    # From zero the k-th arrival is at the root of k: L(t) = t^2 / 4.
    assert times[25] == pytest.approx(10)
    assert times[81] == pytest.approx(18)


def test_steps_a_spike_and_a_day_have_their_rates() -> None:
    assert [piece.start_rate for piece in steps([1, 2, 3], 30).pieces] == [1, 2, 3]
    peak = spike(1, 10, 100, at=40, width=20)
    assert peak.expected == 40 + 200 + 40
    assert (peak.seconds, peak.peak) == (100, 10)
    assert spike(1, 10, 60, at=40, width=20).seconds == 60
    day = daily_cycle(2, 10, 86_400)
    assert day.peak == pytest.approx(10)
    assert day.pieces[0].start_rate == pytest.approx(2)
    assert day.expected == pytest.approx(6 * 86_400, rel=1e-9)
    assert daily_cycle(2, 10, 100, days=3).seconds == pytest.approx(100)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: constant(0, 10), "has no arrivals"),
        (lambda: constant(1, 0), "give a time above 0"),
        (lambda: steps([], 10), "at least one rate"),
        (lambda: spike(1, 2, 10, at=8, width=5), "A spike from 8 s to 13 s is not within a schedule of 10 s"),
    ],
)
def test_an_impossible_schedule_is_refused_in_a_sentence(make: object, sentence: str) -> None:
    with pytest.raises(HarnessError, match=sentence):
        make()  # type: ignore[operator]


@FORMS
def test_a_form_reads_its_own_example(form: TrafficForm) -> None:
    assert form.parse(form.example).expected > 0


@FORMS
def test_the_help_of_the_command_and_the_docs_show_a_form(form: TrafficForm) -> None:
    help = CliRunner().invoke(plan, ["--help"], terminal_width=10_000).output
    assert f"{form.usage} ({form.meaning})" in help
    assert f"`{form.usage}`" in (ROOT / "docs" / "planning.md").read_text()
