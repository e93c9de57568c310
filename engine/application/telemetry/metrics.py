"""All metrics of the engine. One registry per process, no labels per entity."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from engine.application.telemetry.column_histogram import ColumnHistogram

LATENCY_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600)
CHECKPOINT_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30)


@cache
def no_telemetry() -> Telemetry:
    """Return metrics that are not exposed, for parts that report nothing."""
    return Telemetry()


class Telemetry:
    """The metrics of one process; attributes are prometheus_client metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._source()
        self._detection()
        self._sinks()
        self._engine()

    def _source(self) -> None:
        self.events = self._counter("events", "Messages read from the source")
        self.bytes = self._counter("bytes", "Bytes of payload read from the source")
        self.rejects = self._counter("rejects", "Inputs that could not be decoded", "reason")
        self.decode_blocked = self._gauge(
            "decode_blocked_seconds",
            "Time since decoding began to wait, such as for a schema registry",
        )
        self.passed_over = self._counter(
            "passed_over", "Messages, or elements of them, that the mapping leaves out", "reason"
        )
        self.lag = self._gauge("lag_messages", "Messages not yet read, by partition", "partition")
        self.source_errors = self._counter("source_errors", "Errors of the source", "kind")
        self.offset_jumps = self._counter(
            "offset_jumps", "Jumps over offsets that retention has removed"
        )
        self.skipped = self._counter(
            "skipped_messages", "Messages lost because retention had removed them"
        )

    def _detection(self) -> None:
        self.scored = self._counter("scored_events", "Events scored by at least one detector")
        self.warming = self._counter("warming_events", "Events seen while no detector was warm")
        self.waiting_events = self._gauge(
            "waiting_events", "Events buffered until their turn, with event.order: event_time"
        )
        self.order_forced = self._counter(
            "order_forced_events", "Buffered events released early because memory was full"
        )
        self.late = self._counter("late_events", "Events beyond the allowed lateness: not learned")
        self.anomalies = self._counter(
            "anomalies", "Anomalies emitted, by strongest detector", "detector", "severity"
        )
        self._alerting()
        self.entities = self._gauge("entities", "Entities held in memory")
        self.warming_entities = self._gauge("warming_entities", "Entities still warming up")
        self.split_entities = self._counter(
            "split_entities", "Entities that were seen in more than one partition of this process"
        )
        self.evictions = self._counter("evictions", "Idle entities evicted by the memory budget")
        self.forgotten = self._counter(
            "forgotten_entities", "Entities idle for state.idle_after, and forgotten"
        )
        self.state_bytes = self._gauge("state_bytes", "Memory of the entities' state")
        self.state_limit = self._gauge("state_limit_bytes", "Memory budget of the whole pipeline")
        self.refits = self._counter("refits", "Successful refits of windowed models", "detector")
        self.detector_failures = self._counter(
            "detector_failures",
            "Errors of detectors; the last good model stays in use",
            "detector",
            "kind",
        )
        self.weights = Mean(
            self._gauge(
                "detector_weight",
                "Mean weight of a detector over the entities, with combine: weighted",
                "detector",
            )
        )
        self.latency = Histogram(
            "pynomaly_latency_seconds",
            "From the source's timestamp to the anomaly's delivery",
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.event_latency = ColumnHistogram(
            "pynomaly_event_latency_seconds",
            "From the source's timestamp of an event to the end of the flow, of all events",
            LATENCY_BUCKETS,
            self.registry,
        )
        self.event_time_lag = self._gauge(
            "event_time_lag_seconds",
            "Time since the newest event time, by partition; grows while no events arrive",
            "partition",
        )

    def _alerting(self) -> None:
        self.expected = self._counter(
            "alerts_expected", "False alarms that the alert policy accepts for the events scored"
        )
        self.emitted = self._counter("alerts_emitted", "Incidents, false or not, for these events")
        self.muted = self._counter(
            "anomalies_muted", "Anomalies muted by a rule, a silence or feedback", "by"
        )
        self.control_records = self._gauge(
            "control_records", "Control records in force in the tasks of this process", "kind"
        )
        self.suppressed = self._counter(
            "anomalies_suppressed",
            "Anomalies within an incident that were not published: nothing new",
        )
        self.event_rate = self._gauge(
            "event_rate_per_second",
            "Events per second of event time, as the alert budget counts them",
        )
        self.expected_rate = self._gauge(
            "alerts_expected_per_second",
            "False alarms per second of event time that the alert policy accepts at this rate",
        )
        self.threshold = self._gauge(
            "alert_threshold_p_value",
            "p-value at which an event alerts, mean over the events; 0 until rates are known, and "
            "where the alert policy is fdr or score",
        )
        self.threshold.set_function(self.mean_threshold)

    def mean_threshold(self) -> float:
        """Return the p-value threshold in force, as a mean over events; 0 while unknown."""
        rate = value_of(self.event_rate)
        return value_of(self.expected_rate) / rate if rate > 0 else 0.0

    def event_time_lags(self) -> dict[str, float]:
        """Return the seconds since the newest event time, by partition."""
        samples = (sample for family in self.event_time_lag.collect() for sample in family.samples)
        return {sample.labels["partition"]: sample.value for sample in samples}

    def _sinks(self) -> None:
        self.delivered = self._counter("delivered_records", "Records acknowledged", "sink")
        self.sink_errors = self._counter("sink_errors", "Errors of a sink", "sink", "kind")
        self.sink_blocked = self._gauge(
            "sink_blocked_seconds", "Time since the stream began to wait for this sink", "sink"
        )
        self.sink_waits = self._counter(
            "sink_waits", "Number of times that the stream waited for a full queue", "sink"
        )
        self.sink_refused = self._counter(
            "sink_refused_records", "Records that the receiver of a sink rejected for good", "sink"
        )
        self.sink_breaker = self._gauge(
            "sink_breaker_state", "Circuit breaker: 0 closed, 1 half open, 2 open", "sink"
        )

    def _engine(self) -> None:
        self.checkpoint_bytes = self._gauge(
            "checkpoint_bytes", "State written per checkpoint", "step"
        )
        self.checkpoint_seconds = Histogram(
            "pynomaly_checkpoint_seconds",
            "Time to store the state of the tasks of this process",
            buckets=CHECKPOINT_BUCKETS,
            registry=self.registry,
        )
        self.checkpoint_cpu = self._counter(
            "checkpoint_cpu_seconds", "Processor time of this process while it stored checkpoints"
        )
        self.checkpoints = self._counter("checkpoints", "Checkpoints that were stored")
        self.restarts = self._counter(
            "restarts", "Restarts of this process by its supervisor, by cause", "cause"
        )
        self.replay_differences = self._counter(
            "replay_differences",
            "Replays that gave other scores than before, or that lacked messages",
        )
        self.trace_errors = self._counter(
            "trace_errors", "Spans dropped: the collector is unreachable, or the queue is full"
        )
        self.info = self._gauge("pipeline_info", "Always 1", "pipeline", "version", "process")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"pynomaly_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"pynomaly_{name}", text, labels, registry=self.registry)


def value_of(metric: MetricWrapperBase) -> float:
    """Return the sum of a counter or gauge over its labels."""
    samples = (sample for family in metric.collect() for sample in family.samples)
    return sum(sample.value for sample in samples if not sample.name.endswith("_created"))


class Mean:
    """A gauge with one label that shows a mean over what several tasks hold."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._count = 0
        self._sums: dict[str, float] = {}

    def move(self, count: int, sums: Mapping[str, float]) -> None:
        """Add the change of a task since its last report.

        Args:
            count: change of the number of items that the mean is over.
            sums: change of the sums, by label.
        """
        self._count += count
        for label, more in sums.items():
            self._sums[label] = self._sums.get(label, 0.0) + more
            self._gauge.labels(label).set(self._sums[label] / max(self._count, 1))
