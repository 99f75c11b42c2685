"""Figures -> inline SVG of any width; horizontal lengths are in per cent, so that text keeps its size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from disc_lite.report.markup import Child, Html, element, join

ROW_PX = 22
MIDDLE = ROW_PX / 2
PLOT_PX = 170
POINTS = 400  # most points of a line; neighbours are averaged if there are more
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


Item = tuple[Child, Html, Child]  # label, picture, figures
Values = Sequence[tuple[int, float | None]]  # over the steps; None where there is no value


@dataclass(frozen=True)
class Scale:
    """A horizontal axis: `low` is at the left end, `high` at the right."""

    low: float = 0.0
    high: float = 1.0

    def at(self, value: float) -> str:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return percent(min(1.0, max(0.0, share)))


@dataclass(frozen=True)
class Mark:
    """A vertical line at a step, upwards from the axis."""

    step: int
    class_: str
    height: float = 1.0  # as a share of the chart's height


def percent(share: float) -> str:
    return f"{round(100 * share, 2):g}%"


# -- rows: each with a label, a picture and figures ------------------------------------------------------


def rows(label: str, items: Sequence[Item], axis: Item) -> Html:
    """A chart of rows (label, picture, figures), one below the other."""
    parts, every = ("label", "plot", "figure"), (*items, axis)
    made = [element("li", *(element("div", c, class_=p) for p, c in zip(parts, item, strict=True))) for item in every]
    return element("ul", *made, class_="chart", aria_label=label)


def axis(low: str, middle: str, high: str) -> Item:
    """The last row of a chart: labels of its left end, middle and right end."""
    ends = (element("span", text) for text in (low, middle, high))
    return "", element("div", *ends, class_="axis", aria_hidden="true"), ""


def bar(title: str, value: float, scale: Scale, class_: str, interval: tuple[float, float] | None = None) -> Html:
    """A bar from the left end to `value`, with its 95 % interval if there is one."""
    drawn = element("rect", x=0, y=MIDDLE - 6, width=scale.at(value), height=12, class_=f"bar {class_}")
    return _row(title, drawn, _whisker(scale, *interval) if interval else None)


def dots(title: str, before: float, after: float, interval: tuple[float, float], scale: Scale, class_: str) -> Html:
    """A hollow dot for `before` and a filled one for `after`, joined by a line; `interval` belongs to `after`."""
    change = element("line", x1=scale.at(before), x2=scale.at(after), y1=MIDDLE, y2=MIDDLE, class_=f"change {class_}")
    return _row(
        title, _whisker(scale, *interval), change, _dot(scale.at(before), "before"), _dot(scale.at(after), class_)
    )


def bullet(title: str, floor: float | None, value: float, ceiling: float | None) -> Html:
    """A bar for the value, with a hollow dot for the floor and a stroke for the ceiling."""
    scale = Scale()
    drawn = element("rect", x=0, y=MIDDLE - 6, width=scale.at(value), height=12, class_="bar adapted")
    end = None if ceiling is None else _upright(scale.at(ceiling), 2, ROW_PX - 2, "ceiling")
    return _row(title, drawn, end, None if floor is None else _dot(scale.at(floor), "before"))


def difference(title: str, mean: float, low: float, high: float, scale: Scale) -> Html:
    """A dot with its interval, and the line of no difference."""
    zero = _upright(scale.at(0.0), 0, ROW_PX, "zero")
    return _row(title, zero, _whisker(scale, low, high), _dot(scale.at(mean), "adapted"))


def _row(title: str, *shapes: Child) -> Html:
    """The picture of a row; `title` is its accessible name, grid lines come from the style sheet."""
    return element("svg", element("title", title), *shapes, role="img", width="100%", height=ROW_PX)


def _whisker(scale: Scale, low: float, high: float) -> Html:
    drawn = []
    for class_ in ("halo", "whisker"):  # a light line under a dark one, visible on bars of any colour
        drawn.append(element("line", x1=scale.at(low), x2=scale.at(high), y1=MIDDLE, y2=MIDDLE, class_=class_))
        drawn += [_upright(scale.at(end), MIDDLE - 4, MIDDLE + 4, class_) for end in (low, high)]
    return join(drawn)


def _dot(at: str, class_: str) -> Html:
    # The ring is wider than the disc, so that both are visible where they coincide.
    return element("circle", cx=at, cy=MIDDLE, r=6 if class_ == "before" else 4, class_=f"dot {class_}")


def _upright(at: str, top: float, bottom: float, class_: str) -> Html:
    return element("line", x1=at, x2=at, y1=top, y2=bottom, class_=class_)


# -- lines over steps ------------------------------------------------------------------------------------


def line_chart(title: str, lines: Mapping[str, Values], marks: Sequence[Mark], steps: int) -> Html:
    """Lines (CSS class -> values) over the steps 1 to `steps`; the vertical axis begins at zero."""
    top = nice(max((v for values in lines.values() for _, v in values if v is not None), default=1.0))
    grid, ticks = [], []
    for share in (0.0, 0.5, 1.0):
        y = round(PLOT_PX * (1 - share), 2)
        grid.append(element("line", x1="0%", x2="100%", y1=y, y2=y, class_="grid"))
        # Beside the lines, in the margin of the picture.
        ticks.append(element("text", figure(top * share), x=-6, y=f"{y + 4:g}", text_anchor="end", class_="tick"))
    uprights = [_upright(percent(_across(m.step, steps)), PLOT_PX * (1 - m.height), PLOT_PX, m.class_) for m in marks]
    # A picture of its own that is stretched, so that the lines fill the width and the text is not distorted.
    paths = [element("path", d=_path(line, steps, top), class_=f"line {class_}") for class_, line in lines.items()]
    inner = element("svg", *paths, viewBox="0 0 1000 1000", preserveAspectRatio="none", width="100%", height=PLOT_PX)
    return element(
        "svg", element("title", title), *grid, *uprights, inner, *ticks, *_step_labels(steps),
        role="img", width="100%", height=PLOT_PX + 22, class_="lines",
    )  # fmt: skip


def _step_labels(steps: int) -> list[Html]:
    middle = (steps + 1) // 2
    shown = [(1, "start"), (middle, "middle"), (steps, "end")] if steps > 2 else [(steps, "middle")]
    return [
        element("text", f"step {n:,}", x=percent(_across(n, steps)), y=PLOT_PX + 17, text_anchor=anchor, class_="tick")
        for n, anchor in (shown if steps != 2 else [(1, "start"), (2, "end")])
    ]


def _across(step: int, steps: int) -> float:
    return (step - 1) / (steps - 1) if steps > 1 else 0.5


def _path(points: Values, steps: int, top: float) -> str:
    """SVG path data; a missing value is a gap in the line, a value between two gaps a point."""
    parts, down = [], False
    for i, (step, value) in enumerate(points):
        if value is None:
            down = False
            continue
        height = min(1.0, max(0.0, value / top))
        place = f"{round(1000 * _across(step, steps), 1):g},{round(1000 * (1 - height), 1):g}"
        alone = not down and (i + 1 == len(points) or points[i + 1][1] is None)
        parts.append(f"{'L' if down else 'M'}{place}" + (f"L{place}" if alone else ""))
        down = True
    return "".join(parts)


def thinned(values: Values) -> list[tuple[int, float | None]]:
    """At most POINTS values: means of neighbouring values, each at the middle one of their steps."""
    size = math.ceil(len(values) / POINTS)
    if size <= 1:
        return list(values)
    points = []
    for start in range(0, len(values), size):
        group = values[start : start + size]
        measured = [value for _, value in group if value is not None]
        points.append((group[len(group) // 2][0], sum(measured) / len(measured) if measured else None))
    return points


def smoothed(values: Values, reach: int) -> list[tuple[int, float | None]]:
    """The mean of each value and up to `reach` neighbours on either side; fewer near the ends, where it would bend."""
    points: list[tuple[int, float | None]] = []
    for i, (step, _) in enumerate(values):
        far = max(reach // 3, min(reach, i, len(values) - 1 - i))
        near = [v for _, v in values[max(0, i - far) : i + far + 1] if v is not None]
        points.append((step, sum(near) / len(near) if near else None))
    return points


def figure(value: float) -> str:
    """The value with three digits, very small ones as in 2 × 10⁻⁵."""
    if abs(value) < 1e-9:  # rounding
        return "0"
    digits, _, power = f"{value:.3g}".partition("e")
    return f"{digits} × 10{str(int(power)).translate(_RAISED)}" if power else digits


def nice(largest: float) -> float:
    """The top of an axis: the next round number times a power of ten; half of it is round as well."""
    if largest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    return next((n * power for n in (1, 1.5, 2, 3, 4, 5, 6, 8) if n * power >= largest * (1 - 1e-9)), 10 * power)
