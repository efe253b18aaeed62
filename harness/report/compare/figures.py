"""Computes what changed between two runs. All times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.core.errors import HarnessError
from harness.core.figures import NO_FIGURE
from harness.core.statistics import Estimate, percentile, shift
from harness.load.requests import Requests, split
from harness.load.runs import Manifest, Run
from harness.report.compare.words import warnings
from harness.report.run.figures import PERCENTILES


@dataclass(frozen=True)
class Shift:
    """One percentile of one request name in both runs, and the difference, with intervals."""

    name: str
    kind: str
    label: str
    before: Estimate
    after: Estimate
    difference: Estimate


@dataclass(frozen=True)
class Pair:
    """The answers without an error of one request name, in both runs."""

    before: Requests
    after: Requests


@dataclass(frozen=True)
class Comparison:
    """Two runs set beside each other.

    before, after: the manifests of the runs.
    warnings: why the runs may not be comparable, one sentence each.
    differences: settings that are not the same, as (name, before, after).
    """

    before: Manifest
    after: Manifest
    pairs: list[Pair]
    shifts: list[Shift]
    warnings: list[str]
    differences: list[tuple[str, str, str]]


def compare_runs(before: Run, after: Run) -> Comparison:
    """Compare the request names that succeeded in both runs; HarnessError where there is none."""
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
        shifts=[shift for pair in pairs for shift in _shifts(pair)],
        warnings=warnings(before, after),
        differences=_differences(before.manifest, after.manifest),
    )


def _shifts(pair: Pair) -> list[Shift]:
    ordered = np.sort(pair.before.seconds), np.sort(pair.after.seconds)
    shifts = []
    for label, q in PERCENTILES.items():
        before, after = (percentile(seconds, q) for seconds in ordered)
        shifts.append(Shift(pair.after.name, pair.after.kind, label, before, after, shift(before, after)))
    return shifts


def _differences(before: Manifest, after: Manifest) -> list[tuple[str, str, str]]:
    old, new = _settings(before), _settings(after)
    return [
        (name, old.get(name, NO_FIGURE), new.get(name, NO_FIGURE))
        for name in sorted({**old, **new})
        if old.get(name) != new.get(name)
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
