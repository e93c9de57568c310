"""One pipeline: what goes in, what was learned, what comes out."""

from deploy.grafana.panels import Dashboard, Panel
from deploy.grafana.queries import PIPELINE, largest, quantile, rate, summed

ONE_PIPELINE = Dashboard(
    "pipeline",
    "one pipeline",
    {
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
        ],
    },
    [PIPELINE],
)
