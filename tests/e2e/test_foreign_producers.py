"""Messages that kcat and Kafka's own console producer write, read to the end of their topic."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import pynomaly
from tests.support.debian_programs import ProgramUnavailableError, program, with_libraries
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.kafka_tools import write_tools

TS = 1_767_225_600_000
COUNT = 20
Send = Callable[[KafkaCluster, str, str, Path], None]


def by_kcat(kafka: KafkaCluster, topic: str, lines: str, folder: Path) -> None:
    try:
        command = with_libraries(program("kcat"))
    except ProgramUnavailableError as error:
        pytest.skip(str(error))
    options = ["-P", "-b", kafka.bootstrap, "-t", topic, "-K", "|", "-Z", "-z", "zstd"]
    given = [*command, *options, "-H", "sender=kcat"]
    subprocess.run(given, input=lines, text=True, check=True, timeout=60)


def by_console_producer(kafka: KafkaCluster, topic: str, lines: str, folder: Path) -> None:
    write_tools(folder)
    properties = {
        "parse.key": "true",
        "key.separator": "|",
        "null.marker": "",
        "parse.headers": "true",
        "headers.delimiter": "~",
    }
    options = [word for pair in properties.items() for word in ("--property", "=".join(pair))]
    given = [str(folder / "kafka-console-producer.sh"), "--bootstrap-server", kafka.bootstrap,
             "--topic", topic, "--compression-codec", "lz4", *options]  # fmt: skip
    headed = "".join(f"sender:console~{line}\n" for line in lines.splitlines())
    subprocess.run(given, input=headed, text=True, check=True, timeout=120)


def written(folder: Path, role: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / role).read_text().splitlines()]


@pytest.mark.parametrize(
    ("send", "sender"), [(by_kcat, "kcat"), (by_console_producer, "console")], ids=["kcat", "Kafka"]
)
def test_what_they_write_is_scored_or_a_dead_letter(
    send: Send, sender: str, kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    source, roles = topic(), ("anomalies", "scores", "dead_letters")
    readings = [f'007|{{"ts": {TS + n * 1000}, "temp": {20 + n % 3}}}\n' for n in range(COUNT)]
    send(kafka, source, "".join([*readings, "007|\n", "007|no json\n"]), tmp_path)
    pipeline = {
        "name": "foreign",
        "source": {
            "kafka": {
                "brokers": kafka.bootstrap,
                "topic": source,
                "start": "earliest",
                "end": "2100-01-01T00:00:00Z",
            }
        },
        "event": {
            "key": "$message_key",
            "time": {"path": "ts", "unit": "ms"},
            "values": ["temp"],
        },
        "detectors": ["zscore"],
        "sinks": {role: {"file": {"path": str(tmp_path / role)}} for role in roles},
        "state": {"directory": str(tmp_path / "state")},
        "metrics": None,
    }
    file = tmp_path / "p.yaml"
    file.write_text(yaml.safe_dump(pipeline))

    pynomaly.run(file)

    scores, letters = written(tmp_path, "scores"), written(tmp_path, "dead_letters")
    assert [score["origin"]["offset"] for score in scores] == [*range(COUNT)]
    assert {score["entity"] for score in scores} == {"007"}
    assert [letter["reason"] for letter in letters] == ["tombstone", "not_json"]
    assert [letter["headers"]["sender"] for letter in letters] == [sender] * 2
