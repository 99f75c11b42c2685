"""Draws recall against forgetting as one SVG: a curve for each method, the base's figures as lines."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT, LEFT, TOP, FOOT, LEGEND = 900, 520, 60, 24, 50, 210
COLOURS = ("#1b6ac9", "#d1495b", "#2e933c", "#9c5fb5", "#e08e1b", "#128a8a", "#6b6b6b", "#b0413e", "#5b7f2b", "#444")
TICKS = (0, 0.5, 1, 2, 5, 10, 20, 50, 100)  # points forgotten; the square-root scale shows small values

Point = tuple[float, float, str]  # forgotten and known, in percentage points, and a label


def draw(curves: Mapping[str, Sequence[Point]], lines: Mapping[str, float]) -> str:
    """Return an SVG of (forgotten, known) by method; `lines` are named levels of the known share."""
    widest = max((x for points in curves.values() for x, _, _ in points), default=1.0)
    most = next((t for t in TICKS[1:] if t >= widest), 100)

    def across(x: float) -> float:
        return LEFT + (WIDTH - LEFT - LEGEND) * (min(x, most) / most) ** 0.5

    def up(y: float) -> float:
        return HEIGHT - FOOT - (HEIGHT - FOOT - TOP) * y / 100

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        ' font-family="sans-serif" font-size="12">',
        "<title>Recall against forgetting</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for tick in (t for t in TICKS if t <= most):
        parts.append(f'<path d="M{across(tick):.1f} {up(0)}V{up(100)}" stroke="#eee"/>')
        parts.append(f'<text x="{across(tick):.1f}" y="{up(0) + 16}" text-anchor="middle">{tick:g}</text>')
    for level in range(0, 101, 20):
        parts.append(f'<path d="M{LEFT} {up(level):.1f}H{WIDTH - LEGEND}" stroke="#eee"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{up(level) + 4:.1f}" text-anchor="end">{level} %</text>')
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 12}">points of held-out world or skills forgotten (the larger)</text>')
    for number, (name, level) in enumerate(lines.items()):
        parts.append(f'<path d="M{LEFT} {up(level):.1f}H{WIDTH - LEGEND}" stroke="#888" stroke-dasharray="5 4"/>')
        # Side by side, since the lines may coincide.
        place = f'x="{WIDTH - LEGEND - 4 - 60 * number}" y="{up(level) - 4:.1f}"'
        parts.append(f'<text {place} text-anchor="end" fill="#666">{html.escape(name)}</text>')
    for number, (name, points) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y, _ in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        for x, y, beside in points:
            parts.append(
                f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="4" fill="{colour}"><title>{html.escape(name)}, rate '
                f"{html.escape(beside)}: {y:.1f} % known, {x:.1f} points forgotten</title></circle>"
            )
        at = TOP + 20 + 20 * number
        parts.append(f'<rect x="{WIDTH - LEGEND + 16}" y="{at - 9}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{WIDTH - LEGEND + 34}" y="{at + 1}">{html.escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
