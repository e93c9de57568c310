"""The anomalies of a pipeline, and where those of one entity are."""

from deploy.grafana.panels import Dashboard, Panel, Text, entry
from deploy.grafana.queries import PIPELINE, SEVERITIES, rate, recorded, summed

WHERE = """\
Prometheus knows no entities: series for each would cost more than all the rest. If anomalies
go to PostgreSQL, the dashboard of one entity's incidents has them; in a topic, they are keyed by
the entity:

```console
$ kcat -b "$KAFKA_BROKERS" -t ${topic} -C -e -f '%s\\n' \\
    | jq -c 'select(.entity == "${entity}") | {time, incident, severity, p_value, values}'
```
"""

ANOMALIES = Dashboard(
    "anomalies",
    "anomalies and incidents",
    {
        "One entity": [
            Text(WHERE),
        ],
        "All entities of the pipeline": [
            Panel(
                "Anomalies an hour, by severity",
                {"{{severity}}": f"3600 * ({rate('anomalies_total', 'severity')})"},
                stacked=True,
                width=12,
                colors=SEVERITIES,
            ),
            Panel(
                "Anomalies an hour, by strongest detector",
                {"{{detector}}": f"3600 * ({rate('anomalies_total', 'detector')})"},
                stacked=True,
                width=12,
            ),
            Panel(
                "Share of the events",
                {"anomalies": recorded("anomalies:share5m"), "storm": "vector(0.01)"},
                "percentunit",
            ),
            Panel(
                "Alert budget spent",
                {
                    "last hour": recorded("budget_burn:rate1h"),
                    "last 6 hours": recorded("budget_burn:rate6h"),
                    "budget": "vector(1)",
                },
            ),
            Panel(
                "So far, since the start",
                {"": summed("anomalies_total", "detector", "severity")},
                kind="table",
            ),
        ],
    },
    [
        PIPELINE,
        entry("entity", "Entity", "press-7"),
        entry("topic", "Topic of anomalies", "sensors.anomalies"),
    ],
)
