"""The parts of a dashboard, as Grafana reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

WIDTH = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

Json = dict[str, Any]
Kind = Literal["timeseries", "stat", "table"]

DATASOURCE: Json = {
    "type": "datasource",
    "name": "datasource",
    "label": "Source of data",
    "query": "prometheus",
}
OPTIONS: dict[str, Json] = {
    "timeseries": {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {"colorMode": "background", "reduceOptions": {"calcs": ["lastNotNull"]}},
    "table": {"showHeader": True},
}


@dataclass(frozen=True)
class Panel:
    """Queries drawn together.

    Attributes:
        title: what it shows.
        queries: PromQL, by the legend of their lines.
        unit: one of Grafana's names of units.
        kind: how it is drawn.
        width, height: in Grafana's grid, 24 wide.
        text: shown behind the panel's "i".
        limits: values from which on the colour is orange, and red.
        stacked: whether lines are stacked.
        colors: Grafana's names of colours, by the names of lines that always have the same.
    """

    title: str
    queries: dict[str, str]
    unit: str = "short"
    kind: Kind = "timeseries"
    width: int = 8
    height: int = 7
    text: str = ""
    limits: tuple[float, float] | None = None
    stacked: bool = False
    colors: dict[str, str] = field(default_factory=dict)

    def json(self, number: int, x: int, y: int) -> Json:
        """Return the panel at a place of the grid."""
        custom = {"stacking": {"mode": "normal"}, "fillOpacity": 20} if self.stacked else {}
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.text,
            "datasource": SOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "fieldConfig": {
                "defaults": {
                    "unit": self.unit,
                    "min": 0,
                    "custom": custom,
                    "thresholds": _thresholds(self.limits),
                },
                "overrides": [_colored(*each) for each in self.colors.items()],
            },
            "options": OPTIONS[self.kind],
            "targets": [
                {
                    "refId": chr(ord("A") + place),
                    "datasource": SOURCE,
                    "expr": query,
                    "legendFormat": legend,
                    "instant": self.kind != "timeseries",
                    "range": self.kind == "timeseries",
                    # Points that lead to a trace, if the pipeline makes traces.
                    "exemplar": self.kind == "timeseries" and "_bucket" in query,
                    "format": "table" if self.kind == "table" else "time_series",
                }
                for place, (legend, query) in enumerate(self.queries.items())
            ],
        }


@dataclass(frozen=True)
class Text:
    """Words in Markdown."""

    content: str
    title: str = ""
    width: int = WIDTH
    height: int = 5

    def json(self, number: int, x: int, y: int) -> Json:
        """Return the panel at a place of the grid."""
        return {
            "id": number,
            "type": "text",
            "title": self.title,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "options": {"mode": "markdown", "content": self.content},
        }


class Drawn(Protocol):
    """Whatever has a place on a dashboard."""

    @property
    def width(self) -> int:
        """Return its width in Grafana's grid."""

    @property
    def height(self) -> int:
        """Return its height there."""

    def json(self, number: int, x: int, y: int) -> Json:
        """Return it at a place of the grid."""


@dataclass(frozen=True)
class Dashboard:
    """A page.

    Attributes:
        uid: its name in addresses, and the name of its file.
        title: its name for people.
        rows: panels by the heading above them.
        chosen: what the reader chooses at the top, beside the source of data.
        source: the choice of that.
    """

    uid: str
    title: str
    rows: Mapping[str, Sequence[Drawn]]
    chosen: list[Json] = field(default_factory=list)
    source: Json = field(default_factory=lambda: DATASOURCE)

    def json(self) -> Json:
        """Return what Grafana imports."""
        return {
            "uid": f"pynomaly-{self.uid}",
            "title": f"Pynomaly: {self.title}",
            "tags": ["pynomaly"],
            "schemaVersion": 39,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": {"from": "now-3h", "to": "now"},
            "templating": {"list": [self.source, *self.chosen]},
            "links": [
                {
                    "type": "dashboards",
                    "tags": ["pynomaly"],
                    "title": "Pynomaly",
                    "asDropdown": True,
                    "includeVars": True,
                    "keepTime": True,
                }
            ],
            "panels": list(self._panels()),
        }

    def queries(self) -> list[str]:
        """Return the queries to Prometheus of all panels."""
        panels = [panel for row in self.rows.values() for panel in row]
        return [
            query
            for panel in panels
            if isinstance(panel, Panel)
            for query in panel.queries.values()
        ]

    def _panels(self) -> Iterable[Json]:
        number, y = 1, 0
        for title, panels in self.rows.items():
            yield _row(number, title, y)
            number, x, y, tallest = number + 1, 0, y + 1, 0
            for panel in panels:
                if x + panel.width > WIDTH:
                    x, y, tallest = 0, y + tallest, 0
                yield panel.json(number, x, y)
                number, x, tallest = number + 1, x + panel.width, max(tallest, panel.height)
            y += tallest


def choice(name: str, title: str, query: str, several: bool = False) -> Json:
    """Return a list of a label's values to choose from."""
    return {
        "type": "query",
        "name": name,
        "label": title,
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": several,
        "includeAll": several,
        "allValue": ".*" if several else None,
    }


def entry(name: str, title: str, default: str) -> Json:
    """Return a field to write into."""
    return {"type": "textbox", "name": name, "label": title, "query": default}


def _colored(line: str, color: str) -> Json:
    value = {"mode": "fixed", "fixedColor": color}
    return {
        "matcher": {"id": "byName", "options": line},
        "properties": [{"id": "color", "value": value}],
    }


def _row(number: int, title: str, y: int) -> Json:
    place = {"x": 0, "y": y, "w": WIDTH, "h": 1}
    return {"id": number, "type": "row", "title": title, "gridPos": place, "panels": []}


def _thresholds(limits: tuple[float, float] | None) -> Json:
    steps: list[Json] = [{"color": "green", "value": None}]
    for color, value in zip(("orange", "red"), limits or (), strict=False):
        steps.append({"color": color, "value": value})
    return {"mode": "absolute", "steps": steps}
