"""One pipeline: what goes in, what was learned, what comes out."""

from deploy.grafana.panels import Dashboard, Panel
from deploy.grafana.queries import PIPELINE, SEVERITIES, largest, quantile, rate, recorded, summed


def now(
    title: str, query: str, unit: str = "short", limits: tuple[float, float] | None = None
) -> Panel:
    """Return a number of the top row."""
    return Panel(title, {"": query}, unit, "stat", width=4, height=3, limits=limits)


ONE_PIPELINE = Dashboard(
    "pipeline",
    "one pipeline",
    {
        "Over the last minutes": [
            now("Events", recorded("events:rate5m"), "cps"),
            now("Reading that waits", recorded("lag_seconds:rate5m"), "s", (60, 600)),
            now("Rejected", recorded("rejects:share5m"), "percentunit", (0.05, 0.5)),
            now("Entities", recorded("entities:sum")),
            now("Anomalies an hour", f"3600 * {recorded('anomalies:rate5m')}"),
            now("Alert budget spent", recorded("budget_burn:rate1h"), "percentunit", (1, 3)),
        ],
        "In": [
            Panel(
                "Events a second",
                {
                    "read": rate("events_total"),
                    "scored": rate("scored_events_total"),
                    "warming up": rate("warming_events_total"),
                },
                "cps",
            ),
            Panel("Bytes a second", {"read": rate("bytes_total")}, "Bps"),
            Panel(
                "Messages that wait",
                {"partition {{partition}}": summed("lag_messages", "partition")},
                stacked=True,
            ),
            Panel(
                "Rejects a second, by reason",
                {"{{reason}}": rate("rejects_total", "reason")},
                "cps",
                stacked=True,
            ),
            Panel(
                "Late events a second",
                {"late": rate("late_events_total")},
                "cps",
                text="Older than event.lateness: scored, but not learned.",
            ),
            Panel(
                "Messages lost to retention",
                {"lost": summed("skipped_messages_total")},
                limits=(1, 1),
            ),
        ],
        "Learned": [
            Panel(
                "Entities", {"all": summed("entities"), "warming up": summed("warming_entities")}
            ),
            Panel(
                "State",
                {"used": summed("state_bytes"), "budget": largest("state_limit_bytes")},
                "bytes",
            ),
            Panel("Evictions a second", {"evicted": rate("evictions_total")}, "cps"),
        ],
        "Out": [
            Panel(
                "Anomalies a second, by severity",
                {"{{severity}}": rate("anomalies_total", "severity")},
                "cps",
                stacked=True,
                colors=SEVERITIES,
            ),
            Panel(
                "Records delivered a second",
                {"{{sink}}": rate("delivered_records_total", "sink")},
                "cps",
            ),
            Panel(
                "Latency",
                {
                    "50 %": quantile(0.5, "latency_seconds"),
                    "99 %": quantile(0.99, "latency_seconds"),
                },
                "s",
                text="From the source's timestamp to the anomaly, over five minutes.",
            ),
            Panel(
                "Latency of all events",
                {
                    "50 %": quantile(0.5, "event_latency_seconds"),
                    "99 %": quantile(0.99, "event_latency_seconds"),
                },
                "s",
                text="From the source's timestamp to the way out of the flow, over five minutes.",
            ),
            Panel(
                "Event time behind the clock",
                {"partition {{partition}}": largest("event_time_lag_seconds", "partition")},
                "s",
                text="Time since the newest event time of each partition.",
            ),
        ],
    },
    [PIPELINE],
)
