"""What a run listens on: nothing but its metrics pages, however many processes it has."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.e2e.test_pipeline import messages, produce, wait_for
from tests.support.forked_command import ForkedCommand
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.kafka_settings import free_port

LISTEN = "0A"


def family(pid: int) -> list[int]:
    """Return a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def listening(pids: list[int]) -> set[int]:
    """Return the TCP ports that processes listen on, of both versions of IP."""
    inodes = set()
    for pid in pids:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(entry.readlink())
            except FileNotFoundError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return {int(row[1].split(":")[1], 16) for row in rows if row[3] == LISTEN and row[9] in inodes}


@pytest.mark.parametrize("processes", [1, 3])
def test_no_port_is_open_but_those_of_the_metrics(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path, processes: int
) -> None:
    name, port = topic(3), free_port(together=3)
    produce(kafka, name, messages(200))
    file = tmp_path / "p.yaml"
    file.write_text(f"""
name: p
source: {{kafka: {{brokers: "{kafka.bootstrap}", topic: {name}, start: earliest}}}}
event: {{key: sensor, time: {{path: ts, unit: ms}}, values: [temp]}}
detectors: [{{zscore: {{half_life: 100}}}}]
sinks: {{anomalies: {{file: {{path: "{tmp_path}/out.ndjson"}}}}}}
state: {{directory: "{tmp_path}/state", checkpoint_interval: 200ms}}
metrics: {{port: {port}}}
""")
    running = ForkedCommand("run", file, "--processes", processes)
    try:
        checkpoints = tmp_path / "state" / "checkpoints"
        wait_for(lambda: len(list(checkpoints.glob("*.json"))) == processes)
        expected = set(range(port, port + processes))
        seen: set[int] = set()
        while running.poll() is None and not expected <= seen:
            seen |= listening(family(running.pid))
        running.send_signal(signal.SIGTERM)
        assert running.wait(120) == 0
    finally:
        running.kill()
        running.wait()

    assert seen == expected
