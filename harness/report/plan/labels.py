"""Places labels beside the points that they name, so that they do not overlap.

The placement is greedy and not random, so that the same plan gives the same drawing. Browsers have their own fonts, so
the sizes of labels are estimates with some room.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes

from harness.report.drawing import MUTED

_SIZE = 9.0  # points
_WIDTH = 0.58  # of a character, relative to the font size
_POSITIONS = (
    (1, 0), (-1, 0), (1, 0.9), (1, -0.9), (-1, 0.9), (-1, -0.9), (0, 1.3), (0, -1.3),
    (1, 1.9), (1, -1.9), (-1, 1.9), (-1, -1.9), (1, 2.9), (1, -2.9), (-1, 2.9), (-1, -2.9), (1, 3.9), (-1, 3.9),
)  # fmt: skip
"""The positions tried for a label, in order: the side (1 is right), and how many lines above the point."""
Box = tuple[float, float, float, float]
"""Left, bottom, right and top, in points."""


def place_labels(
    axes: Axes,
    points: Sequence[tuple[str, float, float]],
    colors: Sequence[str],
    bold: Sequence[bool],
    obstacles: Sequence[tuple[float, float]] = (),
) -> None:
    """Label the points (label, x, y), in the units of the data. A label far from its point gets a line to it."""
    figure = axes.figure
    figure.draw_without_rendering()  # type: ignore[union-attr]  # sets the layout
    scale = 72 / figure.dpi

    def where(x: float, y: float) -> tuple[float, float]:
        right, up = axes.transData.transform((x, y)) * scale
        return float(right), float(up)

    frame = axes.get_window_extent()
    inside: Box = (frame.x0 * scale, frame.y0 * scale, frame.x1 * scale, frame.y1 * scale)
    taken = [_around(where(x, y), 4.5) for _, x, y in points]
    small = [_around(where(x, y), 2.0) for x, y in obstacles]
    for (label, x, y), color, is_bold in zip(points, colors, bold, strict=True):
        at = where(x, y)
        side, lines = min(
            _POSITIONS,
            key=lambda position: (
                _cost(_box(at, label, *position), inside, taken, small) + 0.01 * _POSITIONS.index(position)
            ),
        )
        taken.append(_box(at, label, side, lines))
        axes.annotate(
            label, (x, y), xytext=(side * 7, lines * _SIZE * 1.25), textcoords="offset points",
            ha={1: "left", -1: "right", 0: "center"}[side], va="center", fontsize=_SIZE, color=color,
            fontweight="bold" if is_bold else "normal", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 3}
            if abs(lines) > 1.5 else None,
        )  # fmt: skip


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """The positions, moved apart until any two have the gap between them; between low and high if they fit."""
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    moved = [positions[index] for index in order]
    for index in range(1, len(moved)):
        moved[index] = max(moved[index], moved[index - 1] + gap)
    if moved:
        moved[-1] = min(moved[-1], max(high, low + gap * (len(moved) - 1)))
    for index in range(len(moved) - 2, -1, -1):
        moved[index] = min(moved[index], moved[index + 1] - gap)
    assert all(after - before > gap * 0.999 for before, after in pairwise(moved))
    spread_out = [0.0] * len(positions)
    for index, position in zip(order, moved, strict=True):
        spread_out[index] = position
    return spread_out


def _box(at: tuple[float, float], label: str, side: int, lines: float) -> Box:
    width, height = len(label) * _SIZE * _WIDTH, _SIZE * 1.15
    left = at[0] + side * 7 - {1: 0.0, -1: width, 0: width / 2}[side]
    bottom = at[1] + lines * _SIZE * 1.25 - height / 2
    return left, bottom, left + width, bottom + height


def _around(at: tuple[float, float], radius: float) -> Box:
    return at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius


def _cost(box: Box, inside: Box, taken: Sequence[Box], small: Sequence[Box]) -> float:
    """How bad a position is: the label lies over other labels, over small points, or outside the axes."""
    outside = max(0.0, inside[0] - box[0]) + max(0.0, box[2] - inside[2])
    outside += max(0.0, inside[1] - box[1]) + max(0.0, box[3] - inside[3])
    overlap = sum(_overlap(box, label) for label in taken) + 0.2 * sum(_overlap(box, point) for point in small)
    return outside * 2 + overlap


def _overlap(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0
