from __future__ import annotations

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from engine.application.telemetry.exposition import exposed_registry
from engine.application.telemetry.metrics import Telemetry


def test_every_metric_names_its_pipeline_and_process() -> None:
    telemetry = Telemetry()
    telemetry.rejects.labels("not_json").inc(2)
    telemetry.info.labels("plant", "1", "0").set(1)

    page = generate_latest(exposed_registry(telemetry, "plant", 0)).decode()

    families = [*text_string_to_metric_families(page)]
    samples = [sample for family in families for sample in family.samples]

    assert {sample.labels["pipeline"] for sample in samples} == {"plant"}
    assert {sample.labels["process"] for sample in samples} == {"0"}
    rejects = [sample for sample in samples if sample.name == "pynomaly_rejects_total"]
    assert [(sample.labels, sample.value) for sample in rejects] == [
        ({"pipeline": "plant", "process": "0", "reason": "not_json"}, 2.0)
    ]


def test_the_process_is_measured_too() -> None:
    page = generate_latest(exposed_registry(Telemetry(), "plant", 0)).decode()

    names = {family.name for family in text_string_to_metric_families(page)}

    assert {"process_cpu_seconds", "process_resident_memory_bytes", "process_open_fds"} <= names


def test_counters_are_named_as_prometheus_asks() -> None:
    page = generate_latest(exposed_registry(Telemetry(), "plant", 0)).decode()

    for line in page.splitlines():
        if line.startswith("# TYPE pynomaly_"):
            _, _, name, kind = line.split()
            assert (kind == "counter") == name.endswith("_total"), line
