"""The content of the metrics page: metrics of the engine and of the process, with base labels."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.registry import Collector

from engine.application.telemetry.metrics import Telemetry


def exposed_registry(telemetry: Telemetry, pipeline: str, process: int) -> CollectorRegistry:
    """Return the registry behind a metrics page.

    It has the metrics of the engine and those that Prometheus' clients have of their process
    (`process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_open_fds`).

    Args:
        telemetry: the metrics of this process.
        pipeline: value of the label `pipeline` of all of them.
        process: value of the label `process` of all of them.
    """
    own = CollectorRegistry()
    ProcessCollector(registry=own)
    exposed = CollectorRegistry()
    labels = {"pipeline": pipeline, "process": str(process)}
    exposed.register(_Labelled([telemetry.registry, own], labels))
    return exposed


class _Labelled(Collector):
    def __init__(self, registries: list[CollectorRegistry], labels: dict[str, str]) -> None:
        self._registries = registries
        self._labels = labels

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics, labelled."""
        for registry in self._registries:
            for metric in registry.collect():
                metric.samples = [
                    sample._replace(labels=self._labels | sample.labels)
                    for sample in metric.samples
                ]
                yield metric
