"""What changed between two runs. Pure: two runs in, figures out; seconds throughout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.core.errors import HarnessError
from harness.core.statistics import Estimate, percentile, shift
from harness.load.requests import Requests, split
from harness.load.runs import Manifest, Run
from harness.load.validity import judge
from harness.report.run.figures import PERCENTILES


@dataclass(frozen=True)
class Shift:
    """One percentile of one request name: before, after, and the difference, with intervals."""

    name: str
    kind: str
    label: str
    before: Estimate
    after: Estimate
    shift: Estimate


@dataclass(frozen=True)
class Pair:
    """The good answers of one name in both runs."""

    before: Requests
    after: Requests


@dataclass(frozen=True)
class Comparison:
    """before, after: the manifests. warnings: what keeps the runs from being alike, a sentence each.

    differences: settings that are not the same, as (name, before, after).
    """

    before: Manifest
    after: Manifest
    pairs: list[Pair]
    shifts: list[Shift]
    warnings: list[str]
    differences: list[tuple[str, str, str]]


def compare_runs(before: Run, after: Run) -> Comparison:
    """Compare the names that succeeded in both; HarnessError where there are none."""
    earlier = {(part.name, part.kind): part.succeeded for part in split(before) if part.ok.any()}
    pairs = [
        Pair(earlier[part.name, part.kind], part.succeeded)
        for part in split(after)
        if part.ok.any() and (part.name, part.kind) in earlier
    ]
    if not pairs:
        raise HarnessError(
            f"{before.manifest.id} and {after.manifest.id} have no answers of the same name, and nothing to compare."
        )
    return Comparison(
        before=before.manifest,
        after=after.manifest,
        pairs=pairs,
        shifts=[each for pair in pairs for each in _shifts(pair)],
        warnings=_warnings(before, after),
        differences=_differences(before.manifest, after.manifest),
    )


def _shifts(pair: Pair) -> list[Shift]:
    ordered = np.sort(pair.before.seconds), np.sort(pair.after.seconds)
    out = []
    for label, q in PERCENTILES.items():
        first, second = (percentile(values, q) for values in ordered)
        out.append(Shift(pair.after.name, pair.after.kind, label, first, second, shift(first, second)))
    return out


def _warnings(before: Run, after: Run) -> list[str]:
    out = []
    verdicts = judge(before), judge(after)
    for run, verdict in zip((before, after), verdicts, strict=True):
        out += [f"{run.manifest.id} is invalid: {reason}" for reason in verdict.reasons]
    if verdicts[0].open_loop != verdicts[1].open_loop:
        out.append(
            "One run is open loop and the other closed: the one's latencies count from the intended start and the "
            "other's from sending, so that they are not the same thing."
        )
    if before.manifest.machine != after.manifest.machine:
        out.append("The runs are of different machines.")
    return out


def _differences(before: Manifest, after: Manifest) -> list[tuple[str, str, str]]:
    first, second = _settings(before), _settings(after)
    return [
        (name, first.get(name, "–"), second.get(name, "–"))
        for name in sorted({**first, **second})
        if first.get(name) != second.get(name)
    ]


def _settings(manifest: Manifest) -> dict[str, str]:
    parts: dict[str, Any] = {
        "option": {key: value for key, value in manifest.options.items() if key != "host"},
        "version": manifest.versions,
        "machine": manifest.machine,
        "stack": manifest.stack or {},
    }
    return {name: value for part, settings in parts.items() for name, value in _flat(settings, part)}


def _flat(settings: Any, prefix: str) -> list[tuple[str, str]]:
    if isinstance(settings, dict):
        return [row for key, value in settings.items() for row in _flat(value, f"{prefix} {key}")]
    return [(prefix, str(settings))]
