"""The engine room: epochs, queues, state and errors of a pipeline's processes."""

from deploy.grafana.panels import Dashboard, Panel
from deploy.grafana.queries import PIPELINE, largest, or_nothing, quantile, rate, recorded, summed

ENGINE_ROOM = Dashboard(
    "engine-room",
    "engine room",
    {
        "Epochs": [
            Panel(
                "Checkpoints a second",
                {"process {{process}}": rate("checkpoints_total", "process")},
                "cps",
                text="Positions of the source that were stored, one for each partition and epoch.",
            ),
            Panel(
                "Time that the stream waits for a checkpoint",
                {
                    "50 %": quantile(0.5, "checkpoint_seconds"),
                    "99 %": quantile(0.99, "checkpoint_seconds"),
                },
                "s",
            ),
            Panel(
                "State written at a checkpoint",
                {"{{step}}": summed("checkpoint_bytes", "step")},
                "bytes",
            ),
        ],
        "Queues": [
            Panel("Messages that wait", {"process {{process}}": summed("lag_messages", "process")}),
            Panel(
                "Waiting for a sink",
                {"{{sink}}": recorded("sink_blocked_seconds:max")},
                "s",
                limits=(10, 60),
            ),
            Panel(
                "Full queues a second",
                {"{{sink}}": rate("sink_waits_total", "sink")},
                "cps",
                text="Times that a full queue to a sink made us wait.",
            ),
            Panel(
                "Circuit breakers",
                {"{{sink}}": or_nothing(largest("sink_breaker_state", "sink"), "sink")},
                text="Of sinks other than Kafka and files: 0 closed, 1 half open, 2 open.",
                limits=(1, 2),
            ),
            Panel(
                "Records refused a second",
                {"{{sink}}": rate("sink_refused_records_total", "sink")},
                "cps",
                text="Records that a receiver will never take: they are in the file `refused`.",
            ),
            Panel(
                "Errors of sinks a second",
                {"{{sink}}: {{kind}}": rate("sink_errors_total", "sink", "kind")},
                "cps",
            ),
        ],
        "State": [
            Panel(
                "Entities of each process",
                {"process {{process}}": summed("entities", "process")},
                stacked=True,
            ),
            Panel(
                "State of each process",
                {"process {{process}}": summed("state_bytes", "process")},
                "bytes",
                stacked=True,
            ),
            Panel("Refits a second", {"{{detector}}": rate("refits_total", "detector")}, "cps"),
        ],
        "Errors": [
            Panel(
                "Restarts, by cause",
                {"{{cause}}": or_nothing(largest("restarts_total", "cause"), "cause")},
                text="Since the supervisor was started.",
            ),
            Panel(
                "Errors of the source a second",
                {"{{kind}}": rate("source_errors_total", "kind")},
                "cps",
            ),
            Panel(
                "Failures of detectors a second",
                {"{{detector}}: {{kind}}": rate("detector_failures_total", "detector", "kind")},
                "cps",
            ),
        ],
    },
    [PIPELINE],
)
