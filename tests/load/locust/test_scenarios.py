"""The shipped scenarios have their shapes, take rate, length and payload, and refuse bad options in a sentence."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from tests.load.locust.unpatched import locust  # isort: skip

import pytest

from harness.core.errors import HarnessError
from harness.load.schedule import Schedule
from tests.load.locust.locusts import LOADTESTS, OPEN_LOOP, ROOT


@pytest.fixture(scope="module")
def scenarios() -> ModuleType:
    spec = importlib.util.spec_from_file_location("open_loop_scenarios", LOADTESTS / "open_loop.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)


def environment(scenarios: ModuleType, *names: str, **options: Any) -> Any:
    from harness.load.locust.options import option_defaults

    defaults = {name: default for name, default in option_defaults().items() if not name.startswith("stage")}
    parsed = SimpleNamespace(**{**defaults, "run_time": None, "max_outstanding": "1000", "target": "local", **options})
    classes = [getattr(scenarios, name) for name in names]
    return SimpleNamespace(parsed_options=parsed, runner=None, host=None, user_classes=classes, shape_class=None)


def schedule(scenarios: ModuleType, name: str, **options: Any) -> Schedule:
    played: Schedule = getattr(scenarios, name).schedule(environment(scenarios, name, **options))
    return played


@pytest.mark.parametrize("name", sorted(OPEN_LOOP))
def test_each_reaches_its_rate_and_lasts_its_time(scenarios: ModuleType, name: str) -> None:
    fitted = schedule(scenarios, name, rate="40", run_time=200)
    assert fitted.seconds == pytest.approx(200)
    # A storm's last burst sends the requests of a second within a tenth of one.
    assert fitted.peak == pytest.approx(400 if name == "ColdStartStorm" else 40)
    default = schedule(scenarios, name)
    assert default.seconds == getattr(scenarios, name).default_seconds


def test_a_ramp_a_spike_and_a_storm_have_their_shapes(scenarios: ModuleType) -> None:
    assert schedule(scenarios, "RampToSaturation", rate="10", run_time=10).expected == 50
    assert schedule(scenarios, "Spike", rate="10", run_time=100).expected == pytest.approx(
        0.8 * 100 * 2 + 0.2 * 100 * 10
    )
    storm = schedule(scenarios, "ColdStartStorm", rate="10", run_time=100)
    bursts = [piece.expected for piece in storm.pieces if piece.start_rate]
    assert bursts == pytest.approx(range(1, 11))
    assert schedule(scenarios, "DailyCycle").peak == 10


def test_a_rehearsals_stage_is_the_schedules_length(scenarios: ModuleType) -> None:
    assert schedule(scenarios, "Spike", stages="Spike", stage_seconds="20").seconds == pytest.approx(20)


def test_even_spacing_is_an_option(scenarios: ModuleType) -> None:
    env = environment(scenarios, "Steady", rate="2", run_time=1, spacing="even")
    steady = scenarios.Steady.schedule(env)
    assert list(scenarios.Steady.arrivals(env, steady, 1)) == [0, 0.5]
    env.parsed_options.spacing = "poisson"
    assert list(scenarios.Steady.arrivals(env, steady, 1)) != [0, 0.5]


@pytest.mark.parametrize("name", sorted(OPEN_LOOP))
def test_the_docs_list_each(name: str) -> None:
    assert f"| `{name}` |" in (ROOT / "docs" / "load.md").read_text()


@pytest.mark.parametrize("name", sorted(OPEN_LOOP))
def test_each_can_start_as_it_is(scenarios: ModuleType, name: str) -> None:
    for via in ("lambda", "endpoint"):
        getattr(scenarios, name).check(environment(scenarios, name, via=via))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rate": "-3"}, "--rate -3 is not a rate"),
        ({"rate": "many"}, "--rate many is not a rate"),
        ({"rate": "0"}, "--rate 0 is not a rate"),
        ({"rate": "inf"}, "--rate inf is not a rate"),
        ({"via": "ftp"}, "--via ftp is neither lambda nor endpoint"),
        ({"spacing": "odd"}, "--spacing odd is neither poisson nor even"),
        ({"payload": "none.json"}, "none.json cannot be read .*--payload"),
        ({"event": "none.json"}, "none.json cannot be read .*--event"),
        ({"max_outstanding": "0"}, "--max-outstanding 0 is not a number of requests"),
    ],
)
def test_bad_options_are_refused_in_a_sentence(scenarios: ModuleType, options: dict[str, str], sentence: str) -> None:
    with pytest.raises(HarnessError, match=sentence):
        scenarios.Steady.check(environment(scenarios, "Steady", **options))


def test_an_empty_trace_and_a_missing_day_are_refused(scenarios: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    for options, sentence in (
        ({"trace": str(tmp_path / "empty.csv")}, "has 0 rows"),
        ({"trace_day": "1970-01-01"}, "no rows of 1970-01-01"),
    ):
        with pytest.raises(HarnessError, match=sentence):
            scenarios.DailyCycle.check(environment(scenarios, "DailyCycle", **options))


def test_your_own_trace_is_played_whole_and_the_shipped_one_by_its_busiest_day(
    scenarios: ModuleType, tmp_path: Path
) -> None:
    own = tmp_path / "own.csv"
    own.write_text("2026-01-01T23:58:00,10\n2026-01-01T23:59:00,0\n2026-01-02T00:00:00,20\n")
    whole = scenarios.DailyCycle.schedule(environment(scenarios, "DailyCycle", trace=str(own)))
    assert [piece.end_rate for piece in whole.pieces] == [5.0, 0.0, 10.0]
    second = scenarios.DailyCycle.schedule(environment(scenarios, "DailyCycle", trace=str(own), trace_day="2026-01-02"))
    assert len(second.pieces) == 1
    shipped = scenarios.DailyCycle.schedule(environment(scenarios, "DailyCycle"))
    assert len(shipped.pieces) <= 24 * 60


def test_two_schedules_at_once_are_refused(scenarios: ModuleType) -> None:
    with pytest.raises(HarnessError, match="Name one scenario: each of Spike, Steady has a schedule of its own"):
        scenarios.Steady.check(environment(scenarios, "Steady", "Spike"))
    assert locust.__version__


def test_the_files_name_gives_the_content_type(scenarios: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.unknown").write_bytes(b"x")
    payloads = [
        scenarios.Steady._payload(environment(scenarios, "Steady", payload=str(tmp_path / name)))
        for name in ("a.json", "b.unknown")
    ]
    assert payloads == [(b"{}", "application/json"), (b"x", "application/octet-stream")]
    _, content_type = scenarios.Steady._payload(environment(scenarios, "Steady", via="endpoint"))
    assert content_type == "image/jpeg"
