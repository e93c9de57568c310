"""A pipeline does not write what it reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.application.config.load import load
from engine.domain.errors import PipelineFileError

FILE = """
name: loop
source: {{kafka: {{brokers: "a:9092,b:9092", topic: readings}}}}
event: {{key: sensor, time: {{path: ts, unit: ms}}, values: [temp], {event}}}
sinks:
  anomalies: {{kafka: {{topic: {anomalies}}}}}
  dead_letters: {{kafka: {{brokers: "{brokers}", topic: {dead_letters}}}}}
state: {state}
control: {control}
"""


def through(topic: str) -> str:
    return f"repartition: {{kafka: {{topic: {topic}}}}}"


def write(folder: Path, **changes: str) -> Path:
    chosen = {
        "anomalies": "found",
        "dead_letters": "bad",
        "brokers": "b:9092",
        "state": "{directory: here}",
        "event": "lateness: 1h",
        "control": "{}",
    }
    file = folder / "pipeline.yaml"
    file.write_text(FILE.format(**chosen | changes))
    return file


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"anomalies": "readings"}, r"sinks\.anomalies.*it writes what the source reads"),
        ({"dead_letters": "readings"}, r"sinks\.dead_letters.*it writes what the source reads"),
        ({"state": "{kafka: {topic: readings}}"}, r"state.*topic of its own"),
        ({"state": "{kafka: {topic: found}}"}, r"state.*topic of its own"),
        ({"event": through("readings")}, r"event.repartition.kafka.topic.*the source's topic"),
        ({"event": through("t"), "anomalies": "t"}, r"sinks\.anomalies.*what the source reads"),
        ({"event": through("t"), "state": "{kafka: {topic: t}}"}, r"state.*topic of its own"),
        ({"control": "{kafka: {topic: readings}}"}, r"control.*topic of its own"),
        (
            {"control": "{kafka: {topic: t}}", "event": through("t")},
            r"control.*topic of its own",
        ),
        (
            {"control": "{kafka: {topic: kept}}", "state": "{kafka: {topic: kept}}"},
            r"control.*topic of its own",
        ),
    ],
)
def test_refuses_an_output_that_is_the_source(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(PipelineFileError, match=message):
        load(write(tmp_path, **changes), {})


def test_takes_the_same_name_in_another_cluster(tmp_path: Path) -> None:
    file = load(write(tmp_path, dead_letters="readings", brokers="c:9092"), {})

    assert file.sinks.dead_letters is not None


def test_re_keys_through_a_topic_whose_partitions_are_the_tasks(tmp_path: Path) -> None:
    file = load(write(tmp_path, event=through("keyed")), {})

    assert file.task_source.settings.topic == "keyed"  # type: ignore[attr-defined]
    assert file.source.settings.topic == "readings"  # type: ignore[attr-defined]


def test_re_keys_messages_of_kafka_alone(tmp_path: Path) -> None:
    path = write(tmp_path, event=through("keyed"))
    path.write_text(path.read_text().replace("source: {kafka:", "source: {stdin: {}} #"))

    with pytest.raises(PipelineFileError, match=r"event.repartition.kafka: expected a source"):
        load(path, {})
