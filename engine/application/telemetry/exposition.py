"""The metrics page's content: the engine's metrics with their pipeline, and the process's own."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.registry import Collector

from engine.application.telemetry.metrics import Telemetry


def exposed_registry(telemetry: Telemetry, pipeline: str) -> CollectorRegistry:
    """Return the registry behind a metrics page.

    It has the metrics of the engine and those that Prometheus' clients have of their process
    (`process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_open_fds`).

    Args:
        telemetry: the metrics of this process.
        pipeline: value of the label `pipeline` of all of them.
    """
    process = CollectorRegistry()
    ProcessCollector(registry=process)
    exposed = CollectorRegistry()
    exposed.register(_WithPipeline([telemetry.registry, process], pipeline))
    return exposed


class _WithPipeline(Collector):
    def __init__(self, registries: list[CollectorRegistry], pipeline: str) -> None:
        self._registries = registries
        self._label = {"pipeline": pipeline}

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics, labelled."""
        for registry in self._registries:
            for metric in registry.collect():
                metric.samples = [
                    sample._replace(labels=self._label | sample.labels) for sample in metric.samples
                ]
                yield metric
