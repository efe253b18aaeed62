"""The plots of a comparison."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from harness.report.compare.figures import Comparison, Pair
from harness.report.drawing import SERIES, Plot, Shape, TitledPlot, drawn, share_axes, share_within

_CAPTION = (
    "Share of answers that came within a time, in both runs. Where the later run's line is to the right, it is slower."
)


def distributions(comparison: Comparison) -> list[TitledPlot]:
    """For each request name, the share of answers that came within a time in both runs."""
    return [TitledPlot(pair.after.name, _CAPTION, _distribution(pair)) for pair in comparison.pairs]


def _distribution(pair: Pair) -> Plot:
    before, after = pair.before.seconds, pair.after.seconds

    def draw(axes: Axes, shape: Shape) -> None:
        for label, values, color in (("before", before, SERIES[0]), ("after", after, SERIES[1])):
            share_within(axes, shape, label, values, color)
        share_axes(axes, shape, np.concatenate([before, after]))

    return drawn("two-distributions", draw)
