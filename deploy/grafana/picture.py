"""A picture of a dashboard for those without a Grafana: its panels, drawn from its own queries."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from deploy.grafana.graph import FAINT, WORDS, Lines, Series, graph, number, words
from deploy.grafana.panels import WIDTH, Dashboard, Json, Panel

CELL, ROW, BAR = 46, 27, 48
"""Pixels of a column and of a row of Grafana's grid, and of the bar above it."""
GAP = 4
GROUND, PLATE, EDGE = "#0f1116", "#181b1f", "#23262d"
_LABEL = re.compile(r"\{\{(\w+)\}\}")

Ask = Callable[[str], list[Series]]


def draw(dashboard: Dashboard, ask: Ask, span: tuple[float, float], note: str = "") -> str:
    """Return an SVG of a dashboard's time series and numbers.

    Args:
        dashboard: what to draw; tables and text are left out.
        ask: returns the series of a query, over the time to be shown.
        span: the first and last second of that time.
        note: text at the top, beside the title.
    """
    laid = dashboard.json()
    places = [panel["gridPos"] for panel in laid["panels"] if panel["type"] != "row"]
    panels = [panel for row in dashboard.rows.values() for panel in row]
    drawn = [
        _heading(row["title"], row["gridPos"]) for row in laid["panels"] if row["type"] == "row"
    ]
    drawn += [
        _panel(panel, place, ask, span)
        for panel, place in zip(panels, places, strict=True)
        if isinstance(panel, Panel) and panel.kind != "table"
    ]
    height = BAR + ROW * max(place["y"] + place["h"] for place in places) + GAP
    width = WIDTH * CELL
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="Inter, Helvetica, Arial, sans-serif">'
    )
    ground = f'<rect width="{width}" height="{height}" fill="{GROUND}"/>'
    title = words(14, 31, laid["title"], size=18, more='font-weight="600"')
    caption = words(width - 14, 30, note, size=12, fill=FAINT, more='text-anchor="end"')
    return "\n".join([head, ground, title, caption, *drawn, "</svg>\n"])


def _heading(title: str, place: Json) -> str:
    return words(10, BAR + place["y"] * ROW + 18, title, size=13, fill=WORDS)


def _named(legend: str, labels: Mapping[str, str]) -> str:
    """Return a legend with the labels of its series in it."""
    return _LABEL.sub(lambda found: labels.get(found[1], ""), legend)


def _panel(panel: Panel, place: Json, ask: Ask, span: tuple[float, float]) -> str:
    x, y = place["x"] * CELL + GAP, BAR + place["y"] * ROW + GAP
    width, height = place["w"] * CELL - 2 * GAP, place["h"] * ROW - 2 * GAP
    lines: Lines = [
        (_named(legend, series.labels), series)
        for legend, query in panel.queries.items()
        for series in ask(query)
    ]
    inside = (
        number(panel, lines, width, height)
        if panel.kind == "stat"
        else graph(panel, lines, width, height, span)
    )
    plate = f'<rect width="{width}" height="{height}" rx="4" fill="{PLATE}" stroke="{EDGE}"/>'
    title = words(12, 20, panel.title, more='font-weight="600"')
    parts = [plate, title, *inside] if panel.kind != "stat" else inside
    return "\n".join([f'<g transform="translate({x},{y})">', *parts, "</g>"])
