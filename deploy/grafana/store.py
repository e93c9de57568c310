"""Panels over the anomaly store: the table that the PostgreSQL sink writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from deploy.grafana.panels import OPTIONS, Json

PLUGIN = "grafana-postgresql-datasource"
STORE: Json = {"type": PLUGIN, "uid": "${store}"}
STORES: Json = {
    "type": "datasource",
    "name": "store",
    "label": "Anomaly store",
    "query": PLUGIN,
}
"""What the reader chooses at the top."""


@dataclass(frozen=True)
class StorePanel:
    """Rows of a query.

    Attributes:
        title: what it shows.
        sql: the query, with Grafana's macros and variables.
        kind: how it is drawn; of a time series, `time` is a column and `metric` names the lines.
        unit: one of Grafana's names of units.
        width, height: in Grafana's grid, 24 wide.
        text: shown behind the panel's "i".
    """

    title: str
    sql: str
    kind: Literal["timeseries", "table"] = "table"
    unit: str = "short"
    width: int = 24
    height: int = 8
    text: str = ""

    def json(self, number: int, x: int, y: int) -> Json:
        """Return the panel at a place of the grid."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.text,
            "datasource": STORE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "fieldConfig": {
                "defaults": {"unit": self.unit, "custom": _POINTS[self.kind]},
                "overrides": [],
            },
            "options": OPTIONS[self.kind],
            "targets": [
                {
                    "refId": "A",
                    "datasource": STORE,
                    "editorMode": "code",
                    "rawQuery": True,
                    "rawSql": self.sql,
                    "format": "table" if self.kind == "table" else "time_series",
                }
            ],
        }


_POINTS: dict[str, Json] = {"timeseries": {"drawStyle": "points", "pointSize": 7}, "table": {}}


def rows_of(name: str, title: str, sql: str) -> Json:
    """Return a list to choose from: the rows of a query."""
    return {
        "type": "query",
        "name": name,
        "label": title,
        "datasource": STORE,
        "query": sql,
        "refresh": 2,
        "sort": 0,
    }
