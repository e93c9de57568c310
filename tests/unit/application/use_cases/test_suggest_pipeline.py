"""Pipeline files that are suggested for files: valid, and they read what they were made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.application.config.load import parse
from engine.application.telemetry.redaction import Redactor
from engine.application.use_cases.sample_source import (
    PROBE,
    SourceSample,
    read_messages,
    sample_of,
    suggest_for,
)
from engine.application.use_cases.suggest_pipeline import SuggestedPipeline, suggest_pipeline
from engine.domain.batch import RawBatch
from engine.domain.errors import ConnectorError, PipelineFileError

TS = 1_704_067_200_000


def suggested(path: Path, text: str, of_format: Any = None) -> SuggestedPipeline:
    path.write_text(text)
    source = {"file": {"path": str(path)}}
    return suggest_pipeline(path.name, source, of_format, 100, Redactor())


def readings(count: int = 20) -> str:
    return "\n".join(
        json.dumps({"id": f"m{n}", "sensor": f"s{n % 4}", "ts": TS + n * 1000, "temp": n})
        for n in range(count)
    )


def test_the_suggested_file_is_valid_and_reads_the_messages(tmp_path: Path) -> None:
    found = suggested(tmp_path / "in.ndjson", readings())

    file = parse(json.dumps(found.document), tmp_path / "p.yaml", {})
    sample = sample_of(file, read_messages(file, 100))
    assert {event.entity for event in sample.events} == {"s0", "s1", "s2", "s3"}
    assert sample == found.sample
    assert sample.rejects == []


def test_ids_of_digits_in_csv_stay_texts(tmp_path: Path) -> None:
    rows = [f"{n % 3:03d};0{1 + n // 3}.02.2024;10:00;20,{n}" for n in range(9)]

    found = suggested(tmp_path / "in.csv", "\n".join(["id;Datum;Zeit;Temp", *rows]))

    assert {event.entity for event in found.sample.events} == {"000", "001", "002"}
    assert found.document["event"]["time"]["format"] == "%d.%m.%Y %H:%M"
    assert found.sample.events[0].values == {"Temp": 20.0}


def test_the_header_of_a_file_of_a_data_logger_is_found(tmp_path: Path) -> None:
    lines = [
        '"TOA5","CR1000","x","y"',
        '"TIMESTAMP","RECORD","volts"',
        '"TS","RN","Volts"',
        '"2024-01-01 00:00:00",1,12.7',
        '"2024-01-01 00:01:00",2,12.8',
    ]

    found = suggested(tmp_path / "in.dat", "\n".join(lines))

    assert [event.values["volts"] for event in found.sample.events] == [12.7, 12.8]


def test_of_several_kinds_the_one_with_values_is_read_and_no_other_rejected(tmp_path: Path) -> None:
    kinds = (
        {"type": "Metric", "metric": "vus", "data": {"contains": "default"}},
        {"type": "Point", "metric": "vus", "data": {"time": "2024-01-01T00:00:00Z", "value": 5}},
    )
    lines = [json.dumps(one) for one in kinds * 10]

    found = suggested(tmp_path / "in.ndjson", "\n".join(lines))

    assert found.document["event"]["where"] == {"path": "type", "equals": "Point"}
    assert (len(found.sample.events), found.sample.rejects) == (10, [])


def test_messages_of_another_format_are_read_with_it(tmp_path: Path) -> None:
    lines = [f"cpu,host=h{n % 2} idle={n} {TS + n * 1000}000000" for n in range(10)]

    found = suggested(tmp_path / "in.txt", "\n".join(lines), "influx")

    assert found.document["event"]["format"] == "influx"
    assert {event.entity for event in found.sample.events} == {"h0", "h1"}
    assert found.sample.events[3].values == {"fields.idle": 3.0}


def test_a_file_of_another_format_is_an_error_that_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ConnectorError, match=r"none is JSON.*set the format"):
        suggested(tmp_path / "in.log", "2024-01-01 <13> host app: hello\n" * 3)


def test_an_empty_file_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(ConnectorError, match="0 messages were read"):
        suggested(tmp_path / "in.csv", "")


def test_a_sample_of_an_empty_file_is_empty(tmp_path: Path) -> None:
    document = suggested(tmp_path / "in.ndjson", readings()).document
    (tmp_path / "in.ndjson").write_text("")

    file = parse(json.dumps(document), tmp_path / "p.yaml", {})

    assert sample_of(file, read_messages(file, 100)) == SourceSample(0, [], [])


def test_a_source_that_is_not_valid_is_an_error_of_its_field() -> None:
    with pytest.raises(PipelineFileError, match=r"source\.kafka\.topic"):
        suggest_pipeline("p", {"kafka": {"brokers": "b:1"}}, None, 10, Redactor())


def test_otlp_in_json_is_read_by_its_own_format(tmp_path: Path) -> None:
    def request(n: int) -> dict[str, Any]:
        point = {"timeUnixNano": str((TS + n * 1000) * 10**6), "asDouble": 0.5 + n}
        metrics = [{"name": f"m{m}", "gauge": {"dataPoints": [point]}} for m in range(2)]
        service = {"key": "service.name", "value": {"stringValue": f"shop-{n % 3}"}}
        resource = {"attributes": [service]}
        return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]}

    found = suggested(tmp_path / "in.ndjson", "\n".join(json.dumps(request(n)) for n in range(30)))

    event = found.document["event"]
    assert (event["format"], event["key"]) == ("otlp_metrics", ['resource["service.name"]', "name"])
    assert (len(found.sample.events), found.sample.rejects) == (60, [])
    assert "the messages are of the format otlp_metrics (docs/formats.md)" in found.notes


def test_measurements_of_one_host_are_entities_of_their_own(tmp_path: Path) -> None:
    kinds = ("cpu,host={h} idle={v} {t}000000", "disk,host={h} free={v} {t}000000")
    lines = [
        text.format(h=f"h{n % 2}", v=n % 5 + 0.5, t=TS + n // 2 * 1000)
        for n in range(40)
        for text in kinds
    ]

    found = suggested(tmp_path / "in.txt", "\n".join(lines), "influx")

    assert found.document["event"]["key"] == ["tags.host", "measurement"]
    assert len({event.entity for event in found.sample.events}) == 4


def test_messages_without_a_payload_are_passed_over() -> None:
    source = {"kafka": {"brokers": "localhost:1", "topic": "meters"}}
    sinks: dict[str, Any] = {"anomalies": {"stdout": {}}}
    text = json.dumps({"name": "p", "source": source, "event": PROBE, "sinks": sinks})
    payloads = [
        json.dumps({"id": f"m{n % 3}", "ts": TS + n, "w": n % 5}).encode() for n in range(30)
    ]
    batch = RawBatch("meters", 0, np.arange(31), np.full(31, TS * 10**6), [*payloads, None])

    found = suggest_for(parse(text, Path("p.yaml"), {}), [batch])

    assert found.event["tombstones"] == "skip"
    assert "1 messages have no payload, as where a key is deleted: passed over" in found.notes
