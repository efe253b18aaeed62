"""Labels beside the points that they name, so that none lies on another.

Greedy and without chance, so that the same plan gives the same drawing; browsers have fonts of their own, so that sizes
are estimates with some room.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes

from harness.report.drawing import MUTED

_SIZE = 9.0  # points
_WIDTH = 0.58  # of a character, in sizes
_AROUND = (
    (1, 0), (-1, 0), (1, 0.9), (1, -0.9), (-1, 0.9), (-1, -0.9), (0, 1.3), (0, -1.3),
    (1, 1.9), (1, -1.9), (-1, 1.9), (-1, -1.9), (1, 2.9), (1, -2.9), (-1, 2.9), (-1, -2.9), (1, 3.9), (-1, 3.9),
)  # fmt: skip
"""Where a label is tried, in order: which side, and how many lines above."""
Box = tuple[float, float, float, float]
"""Left, bottom, right, top, in points."""


def place_labels(
    axes: Axes,
    points: Sequence[tuple[str, float, float]],
    colors: Sequence[str],
    bold: Sequence[bool],
    obstacles: Sequence[tuple[float, float]] = (),
) -> None:
    """Labels for (label, x, y) in the data's units; those that have to stand off get a line to their point."""
    figure = axes.figure
    figure.draw_without_rendering()  # type: ignore[union-attr]  # the layout is known only then
    scale = 72 / figure.dpi

    def where(x: float, y: float) -> tuple[float, float]:
        right, up = axes.transData.transform((x, y)) * scale
        return float(right), float(up)

    frame = axes.get_window_extent()
    inside: Box = (frame.x0 * scale, frame.y0 * scale, frame.x1 * scale, frame.y1 * scale)
    taken = [_around(where(x, y), 4.5) for _, x, y in points]
    lightly = [_around(where(x, y), 2.0) for x, y in obstacles]
    for (label, x, y), color, heavy in zip(points, colors, bold, strict=True):
        at = where(x, y)
        side, lines = min(
            _AROUND,
            key=lambda place: _cost(_box(at, label, *place), inside, taken, lightly) + 0.01 * _AROUND.index(place),
        )
        taken.append(_box(at, label, side, lines))
        axes.annotate(
            label, (x, y), xytext=(side * 7, lines * _SIZE * 1.25), textcoords="offset points",
            ha={1: "left", -1: "right", 0: "center"}[side], va="center", fontsize=_SIZE, color=color,
            fontweight="bold" if heavy else "normal", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 3}
            if abs(lines) > 1.5 else None,
        )  # fmt: skip


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """The places, moved apart as little as a gap between any two takes; kept between low and high where they fit."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = [places[index] for index in order]
    for index in range(1, len(moved)):
        moved[index] = max(moved[index], moved[index - 1] + gap)
    if moved:
        moved[-1] = min(moved[-1], max(high, low + gap * (len(moved) - 1)))
    for index in range(len(moved) - 2, -1, -1):
        moved[index] = min(moved[index], moved[index + 1] - gap)
    assert all(after - before > gap * 0.999 for before, after in pairwise(moved))
    out = [0.0] * len(places)
    for index, place in zip(order, moved, strict=True):
        out[index] = place
    return out


def _box(at: tuple[float, float], label: str, side: int, lines: float) -> Box:
    width, height = len(label) * _SIZE * _WIDTH, _SIZE * 1.15
    left = at[0] + side * 7 - {1: 0.0, -1: width, 0: width / 2}[side]
    bottom = at[1] + lines * _SIZE * 1.25 - height / 2
    return left, bottom, left + width, bottom + height


def _around(at: tuple[float, float], radius: float) -> Box:
    return at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius


def _cost(box: Box, inside: Box, taken: Sequence[Box], lightly: Sequence[Box]) -> float:
    """How badly a label lies there: over others, over small points, or outside."""
    outside = max(0.0, inside[0] - box[0]) + max(0.0, box[2] - inside[2])
    outside += max(0.0, inside[1] - box[1]) + max(0.0, box[3] - inside[3])
    return outside * 2 + sum(_overlap(box, each) for each in taken) + 0.2 * sum(_overlap(box, each) for each in lightly)


def _overlap(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return width * height if width > 0 and height > 0 else 0.0
