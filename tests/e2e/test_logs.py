"""Log lines of a cluster name their process and run; their level can change while it runs."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from tests.e2e.test_pipeline import kafka_pipeline, messages, produce, wait_for
from tests.support.forked_command import ForkedCommand
from tests.support.kafka_cluster import KafkaCluster, TopicFactory


def test_every_process_reports_who_it_is_and_listens_to_signals(
    tmp_path: Path, kafka: KafkaCluster, topic: TopicFactory
) -> None:
    inlet, outlet, log = topic(partitions=4), topic(), tmp_path / "log"
    produce(kafka, inlet, messages(2_000))
    file, _ = kafka_pipeline(tmp_path, kafka, inlet, outlet)

    def lines_of(level: str) -> list[dict[str, Any]]:
        whole = log.read_text().rpartition("\n")[0].splitlines()
        lines = [json.loads(line) for line in whole if line.startswith("{")]
        return [line for line in lines if line["log.level"] == level]

    def checkpoints_of() -> set[str]:
        lines = [line for line in lines_of("debug") if line["message"].startswith("checkpoint:")]
        return {line["service.node.name"] for line in lines}

    with log.open("wb") as errors:
        supervisor = ForkedCommand("run", file, "--processes", 2, stderr=errors)
    try:
        # Asked at once: processes that have not begun get the level later.
        wait_for(lambda: lines_of("info"))
        supervisor.send_signal(signal.SIGUSR1)
        wait_for(lambda: checkpoints_of() == {"0", "1"})
        supervisor.send_signal(signal.SIGUSR2)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(120) == 0
    finally:
        supervisor.kill()
    every = lines_of("info") + lines_of("debug")

    assert {line["service.node.name"] for line in every} == {"supervisor", "0", "1"}
    assert {line["service.name"] for line in every} == {"p"}
    assert len({line["labels"]["run"] for line in every}) == 1
