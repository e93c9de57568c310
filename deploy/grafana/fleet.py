"""The fleet: all pipelines, side by side."""

from deploy.grafana.panels import Dashboard, Panel
from deploy.grafana.queries import CHOSEN, PIPELINES, recorded

FLEET = Dashboard(
    "fleet",
    "fleet",
    {
        "All pipelines": [
            Panel(
                "Pipelines",
                {"": f"count(count by (pipeline) (pynomaly_pipeline_info{CHOSEN}))"},
                kind="stat",
                width=4,
                height=4,
            ),
            Panel(
                "Pages that do not answer",
                {"": 'count(up{job=~"pynomaly.*"} == 0) or vector(0)'},
                kind="stat",
                width=4,
                height=4,
                limits=(1, 1),
            ),
            Panel(
                "Alerts",
                {"": 'count(ALERTS{alertname=~"Pynomaly.*",alertstate="firing"}) or vector(0)'},
                kind="stat",
                width=4,
                height=4,
                limits=(1, 5),
            ),
            Panel(
                "Events a second",
                {"": f"sum({recorded('events:rate5m')})"},
                kind="stat",
                width=4,
                height=4,
            ),
            Panel(
                "Entities", {"": f"sum({recorded('entities:sum')})"}, kind="stat", width=4, height=4
            ),
            Panel(
                "Anomalies an hour",
                {"": f"3600 * sum({recorded('anomalies:rate5m')})"},
                kind="stat",
                width=4,
                height=4,
            ),
        ],
        "Side by side": [
            Panel("Events a second", {"{{pipeline}}": recorded("events:rate5m")}, "cps"),
            Panel(
                "Seconds of reading that wait",
                {"{{pipeline}}": recorded("lag_seconds:rate5m")},
                "s",
                limits=(60, 600),
            ),
            Panel("Rejects", {"{{pipeline}}": recorded("rejects:share5m")}, "percentunit"),
            Panel(
                "Alert budget spent",
                {"{{pipeline}}": recorded("budget_burn:rate1h")},
                text="1 spends the alert budget exactly, over the last hour.",
            ),
            Panel(
                "Memory budget used",
                {"{{pipeline}}": recorded("state:share")},
                "percentunit",
                limits=(0.9, 1),
            ),
            Panel(
                "Latency, 99 %",
                {"{{pipeline}}": recorded("latency_seconds:p99_5m")},
                "s",
                text="From the source's timestamp to the anomaly.",
            ),
            Panel("Versions", {"": f"pynomaly_pipeline_info{CHOSEN}"}, kind="table", width=24),
        ],
    },
    [PIPELINES],
)
