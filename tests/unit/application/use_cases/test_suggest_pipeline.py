"""Pipeline files that are suggested for files: valid, and they read what they were made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.application.config.load import parse
from engine.application.telemetry.redaction import Redactor
from engine.application.use_cases.sample_source import SourceSample, read_messages, sample_of
from engine.application.use_cases.suggest_pipeline import SuggestedPipeline, suggest_pipeline
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
