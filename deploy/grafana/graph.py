"""The inside of a panel as SVG: lines over time with their axes, or a number."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from deploy.grafana.panels import Panel

HEAD, FOOT, LEFT, RIGHT = 34, 46, 60, 14
"""Pixels around the lines of a panel."""
NAMED = {"green": "#73bf69", "yellow": "#fade2a", "orange": "#ff9830", "red": "#f2495c"}
COLOURS = (NAMED["green"], "#5794f2", "#b877d9", NAMED["orange"], "#8ab8ff", NAMED["yellow"])
WORDS, FAINT, GRID = "#d5d8e0", "#8e94a3", "#2b2f38"
SCALES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""))
SMALL = ((1e-3, "m"), (1e-6, "µ"))
"""Of seconds alone; other units have decimals."""
UNITS = {"cps": ("", "/s"), "Bps": (" ", "B/s"), "bytes": (" ", "B"), "s": (" ", "s")}
"""Texts before and after the scale's letter."""
STEPS = (1, 2, 2.5, 5, 10)
TICK_SECONDS = (10, 30, 60, 120, 300, 600, 1800, 3600)
LETTER = 5.6
"""Pixels of a letter, about."""
Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Series:
    """What Prometheus knows of a line: its labels, times in seconds and values."""

    labels: dict[str, str]
    times: Sequence[float]
    values: Sequence[float]


Lines = list[tuple[str, Series]]
"""Series with their legends."""


def readable(value: float, unit: str) -> str:
    """Return a value with its unit, as short as a scale has room for."""
    if unit == "percentunit":
        return f"{100 * value:.3g} %"
    scales = SCALES + SMALL if unit == "s" else SCALES
    scale, prefix = next((each for each in scales if abs(value) >= 0.9995 * each[0]), (1, ""))
    before, after = UNITS.get(unit, ("", ""))
    return f"{value / scale:.3g}{before}{prefix}{after}"


def words(
    x: float, y: float, text: str, *, size: float = 11, fill: str = WORDS, more: str = ""
) -> str:
    """Return a line of text; `more` are further attributes."""
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}"'
    return f"<text {place}{more and ' ' + more}>{escape(text)}</text>"


def number(panel: Panel, lines: Lines, width: float, height: float) -> Iterator[str]:
    """Yield the newest value, large, on the colour of the limit that it has reached."""
    value = lines[0][1].values[-1] if lines else math.nan
    reached = sum(value >= limit for limit in panel.limits or ())
    fill = ("#2f7d3b", "#b8651b", "#b3263c")[reached if lines else 0]
    yield f'<rect width="{width}" height="{height}" rx="4" fill="{fill}"/>'
    yield words(10, 20, panel.title, fill="#ffffff", more='font-weight="600"')
    text = readable(value, panel.unit) if value == value else "No data"
    middle = 'font-weight="600" text-anchor="middle"'
    yield words(width / 2, height / 2 + 22, text, size=26, fill="#ffffff", more=middle)


def graph(
    panel: Panel, lines: Lines, width: float, height: float, span: tuple[float, float]
) -> Iterator[str]:
    """Yield lines, axes and legend of a panel.

    Args:
        panel: title, unit and style.
        lines: name and points of each series.
        width: of the drawing, in pixels.
        height: of the drawing, in pixels.
        span: the first and last second that is shown.
    """
    if not lines:
        middle = 'text-anchor="middle"'
        yield words(width / 2, height / 2 + 8, "No data", fill=FAINT, more=middle)
        return
    pen = _Pen(width, height, span)
    shapes = [pen.steps(series) for _, series in lines]
    bases: list[Points] = [[] for _ in shapes]
    if panel.stacked:
        shapes, bases = _stacked(shapes)
    highest = max((value for points in shapes for _, value in points), default=0)
    step = _nice(highest / 3)
    pen.top = max(step, math.ceil(highest / step - 1e-9) * step)
    yield from pen.axes(step, panel.unit)
    colours = list(_colours(panel, [legend for legend, _ in lines]))
    for colour, points, base in zip(colours, shapes, bases, strict=True):
        if points:
            yield from pen.draw(points, base, colour, 0.3 if panel.stacked else 0.09)
    yield from _legend(panel, lines, colours, width, height)


class _Pen:
    """Puts times and values where they belong."""

    top = 1.0

    def __init__(self, width: float, height: float, span: tuple[float, float]) -> None:
        self.wide, self.high = width - LEFT - RIGHT, height - HEAD - FOOT
        self.first, self.last = span

    def steps(self, series: Series) -> Points:
        pairs = zip(series.times, series.values, strict=True)
        return [(when, value) for when, value in pairs if value == value]

    def x(self, when: float) -> float:
        return LEFT + self.wide * (when - self.first) / (self.last - self.first)

    def y(self, value: float) -> float:
        return HEAD + self.high * (1 - value / self.top)

    def axes(self, step: float, unit: str) -> Iterator[str]:
        for place in range(round(self.top / step) + 1):
            y = self.y(place * step)
            yield f'<path stroke="{GRID}" d="M{LEFT} {y:.1f}h{self.wide:.1f}"/>'
            text, end = readable(place * step, unit), 'text-anchor="end"'
            yield words(LEFT - 6, y + 3.5, text, size=10, fill=FAINT, more=end)
        long = self.last - self.first
        tick = next((each for each in TICK_SECONDS if long / each <= 6), TICK_SECONDS[-1])
        for count in range(math.ceil(self.first / tick), math.floor(self.last / tick) + 1):
            when = time.gmtime(count * tick)
            text = time.strftime("%H:%M" if tick >= 60 else "%H:%M:%S", when)
            x, middle = self.x(count * tick), 'text-anchor="middle"'
            yield f'<path stroke="{GRID}" d="M{x:.1f} {HEAD}v{self.high:.1f}"/>'
            yield words(x, HEAD + self.high + 14, text, size=10, fill=FAINT, more=middle)

    def draw(self, points: Points, base: Points, colour: str, shade: float) -> Iterator[str]:
        line = " ".join(self._at(point) for point in points)
        below = base or [(points[0][0], 0.0), (points[-1][0], 0.0)]
        area = " ".join([line, *(self._at(point) for point in reversed(below))])
        yield f'<polygon fill="{colour}" fill-opacity="{shade}" points="{area}"/>'
        style = 'fill="none" stroke-width="1.5" stroke-linejoin="round"'
        yield f'<polyline {style} stroke="{colour}" points="{line}"/>'

    def _at(self, point: tuple[float, float]) -> str:
        return f"{self.x(point[0]):.1f},{self.y(point[1]):.1f}"


def _stacked(shapes: list[Points]) -> tuple[list[Points], list[Points]]:
    """Return each line on top of those before it, and the line below it."""
    times = sorted({when for points in shapes for when, _ in points})
    sums = [[0.0] * len(times)]
    for points in shapes:
        known = dict(points)
        sums.append([below + known.get(t, 0.0) for t, below in zip(times, sums[-1], strict=True)])
    levels = [list(zip(times, each, strict=True)) for each in sums]
    bases, tops = zip(*pairwise(levels), strict=True)
    return list(tops), list(bases)


def _nice(value: float) -> float:
    """Return a step for an axis, about as large as a value."""
    if value <= 0:
        return 0.5
    size = 10.0 ** math.floor(math.log10(value))
    return next(step * size for step in STEPS if step * size >= value * 0.999)


def _colours(panel: Panel, legends: Iterable[str]) -> Iterator[str]:
    for place, legend in enumerate(legends):
        yield NAMED.get(panel.colors.get(legend, ""), COLOURS[place % len(COLOURS)])


def _legend(
    panel: Panel, lines: Lines, colours: list[str], width: float, height: float
) -> Iterator[str]:
    """Yield the names of the lines with their newest values, as many as there is room for."""
    x, y = 12.0, height - 11
    names = [legend for legend, _ in lines]
    values = [readable(series.values[-1], panel.unit) for _, series in lines]
    if sum(_long(name, value) for name, value in zip(names, values, strict=True)) > width:
        values = [""] * len(lines)
    for name, value, colour in zip(names, values, colours, strict=True):
        if x + _long(name, value) > width + 12:
            break
        yield f'<rect x="{x:.1f}" y="{y - 5}" width="12" height="3" rx="1.5" fill="{colour}"/>'
        shown = f'{escape(name)} <tspan fill="{FAINT}">{value}</tspan>'
        yield f'<text x="{x + 17:.1f}" y="{y}" font-size="10.5" fill="{WORDS}">{shown}</text>'
        x += _long(name, value)


def _long(name: str, value: str) -> float:
    """Return the pixels that a line's place in the legend takes."""
    return 26 + LETTER * len(f"{name} {value}".rstrip())
