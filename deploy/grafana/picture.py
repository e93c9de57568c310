"""A picture of a dashboard for those without a Grafana: its panels, drawn from its own queries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from deploy.grafana.panels import WIDTH, Dashboard, Json, Panel

CELL, ROW = 46, 26
"""Pixels of a column and of a row of Grafana's grid."""
GAP, HEAD, FOOT, LEFT = 4, 26, 24, 52
COLOURS = ("#73bf69", "#f2cc0c", "#5794f2", "#ff780a", "#e02f44", "#b877d9", "#37872d", "#8ab8ff")
GROUND, PLATE, WORDS, FAINT = "#111217", "#1d1f25", "#ccccdc", "#34363d"
SCALES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"))
UNITS = {"cps": ("", "/s"), "Bps": (" ", "B/s"), "bytes": (" ", "B"), "s": (" ", "s")}
"""What stands before and after the scale's letter."""
_LABEL = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Series:
    """What Prometheus knows of a line: its labels, times in seconds and values."""

    labels: dict[str, str]
    times: Sequence[float]
    values: Sequence[float]


Ask = Callable[[str], list[Series]]


def draw(dashboard: Dashboard, ask: Ask) -> str:
    """Return an SVG of a dashboard's time series and numbers.

    Args:
        dashboard: what to draw; tables and text are left out.
        ask: returns the series of a query, over the time to be shown.
    """
    places = {panel["id"]: panel["gridPos"] for panel in dashboard.json()["panels"]}
    rows = [panel for panel in dashboard.json()["panels"] if panel["type"] == "row"]
    panels = [panel for row in dashboard.rows.values() for panel in row]
    numbers = [number for number in places if number not in {row["id"] for row in rows}]
    drawn = [_heading(row["title"], row["gridPos"]) for row in rows]
    drawn += [
        _panel(panel, places[number], ask)
        for number, panel in zip(numbers, panels, strict=True)
        if isinstance(panel, Panel) and panel.kind != "table"
    ]
    width, height = WIDTH * CELL, ROW * max(place["y"] + place["h"] for place in places.values())
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11">'
    )
    ground = f'<rect width="{width}" height="{height}" fill="{GROUND}"/>'
    return "\n".join([head, ground, *drawn, "</svg>\n"])


def readable(value: float, unit: str) -> str:
    """Return a value with its unit, as short as a scale has room for."""
    if unit == "percentunit":
        return f"{100 * value:.3g} %"
    scale, prefix = next((each for each in SCALES if abs(value) >= each[0]), (1, ""))
    before, after = UNITS.get(unit, ("", ""))
    return f"{value / scale:.3g}{before}{prefix}{after}"


def _heading(title: str, place: Json) -> str:
    y = place["y"] * ROW + 17
    return f'<text x="8" y="{y}" fill="{WORDS}" font-size="13">{escape(title)}</text>'


def _panel(panel: Panel, place: Json, ask: Ask) -> str:
    x, y = place["x"] * CELL + GAP, place["y"] * ROW + GAP
    width, height = place["w"] * CELL - 2 * GAP, place["h"] * ROW - 2 * GAP
    lines = [
        (_legend(legend, series), series)
        for legend, query in panel.queries.items()
        for series in ask(query)
    ]
    inside = _number if panel.kind == "stat" else _graph
    return "\n".join(
        [
            f'<g transform="translate({x},{y})">',
            f'<rect width="{width}" height="{height}" rx="3" fill="{PLATE}" stroke="{FAINT}"/>',
            f'<text x="8" y="17" fill="{WORDS}" font-weight="bold">{escape(panel.title)}</text>',
            *inside(panel, lines, width, height),
            "</g>",
        ]
    )


def _legend(pattern: str, series: Series) -> str:
    return _LABEL.sub(lambda found: series.labels.get(found[1], ""), pattern)


def _stacked(lines: list[Sequence[float]]) -> list[Sequence[float]]:
    """Return each line on top of those before it."""
    return np.cumsum(lines, axis=0).tolist()


def _number(
    panel: Panel, lines: list[tuple[str, Series]], width: int, height: int
) -> Iterable[str]:
    value = readable(lines[0][1].values[-1], panel.unit) if lines else "No data"
    style = f'fill="{COLOURS[0]}" font-size="28" text-anchor="middle"'
    yield f'<text x="{width / 2}" y="{height / 2 + 18}" {style}>{value}</text>'


def _graph(panel: Panel, lines: list[tuple[str, Series]], width: int, height: int) -> Iterable[str]:
    if not lines:
        yield f'<text x="{width / 2}" y="{height / 2}" fill="{WORDS}">No data</text>'
        return
    values = [series.values for _, series in lines]
    # A line that begins later than the others cannot be stacked on them, point by point.
    even = len({len(each) for each in values}) == 1
    if panel.stacked and even:
        values = _stacked(values)
    top = max((value for each in values for value in each if value == value), default=0) or 1
    first = min(series.times[0] for _, series in lines)
    long = max(series.times[-1] for _, series in lines) - first or 1
    wide, high = width - LEFT - 10, height - HEAD - FOOT - 6
    for share in (0, 0.5, 1):
        y = HEAD + high * (1 - share)
        yield f'<path stroke="{FAINT}" d="M{LEFT} {y:.1f}h{wide}"/>'
        text = readable(share * top, panel.unit)
        style = f'fill="{WORDS}" text-anchor="end" font-size="10"'
        yield f'<text x="{LEFT - 5}" y="{y + 4:.1f}" {style}>{text}</text>'
    for place, (_, series) in enumerate(lines):
        points = [
            f"{LEFT + wide * (when - first) / long:.1f},{HEAD + high * (1 - value / top):.1f}"
            for when, value in zip(series.times, values[place], strict=True)
            if value == value
        ]
        style = f'fill="none" stroke="{COLOURS[place % len(COLOURS)]}" stroke-width="1.4"'
        yield f'<polyline {style} points="{" ".join(points)}"/>'
    x = 8
    for place, (legend, _) in enumerate(lines):
        if x + 10 + 6 * len(legend) > width:
            break
        y = height - 9
        colour = COLOURS[place % len(COLOURS)]
        yield f'<rect x="{x}" y="{y - 4}" width="10" height="3" fill="{colour}"/>'
        yield f'<text x="{x + 14}" y="{y}" fill="{WORDS}" font-size="10">{escape(legend)}</text>'
        x += 26 + 6 * len(legend)
