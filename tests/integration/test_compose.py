"""The demonstration of compose.yaml on a real Kafka: producer and pipeline, without containers."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import yaml

from deploy.compose import producer
from tests.e2e.test_pipeline import PYNOMALY, metric, wait_for
from tests.integration.test_health import wait_until
from tests.support.kafka_cluster import KafkaCluster
from tests.support.kafka_settings import free_port

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "compose"
LISTEN = "0A"
"""The state's number in /proc/net/tcp."""


def probed() -> set[str]:
    """Return the paths that the StatefulSet's probes ask for."""
    text = (ROOT / "deploy" / "kubernetes" / "base" / "statefulset.yaml").read_text()
    [container] = yaml.safe_load(text)["spec"]["template"]["spec"]["containers"]
    probes = [value for key, value in container.items() if key.endswith("Probe")]
    assert len(probes) == 3
    return {probe["httpGet"]["path"] for probe in probes}


def total(port: int, name: str) -> float:
    """Return the sum of a metric over both processes."""
    return metric(port, name) + metric(port + 1, name)


def listening(supervisor: int) -> set[tuple[str, int]]:
    """Return address and port of each TCP socket that the processes of a cluster listen on."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    assert len(children) == 2
    descriptors = [entry for child in children for entry in Path(f"/proc/{child}/fd").iterdir()]
    sockets = {str(entry.readlink()) for entry in descriptors}
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[3] == LISTEN and f"socket:[{words[9]}]" in sockets:
            address, port = words[1].split(":")
            found.add((socket.inet_ntoa(bytes.fromhex(address)[::-1]), int(port, 16)))
    return found


def test_the_past_comes_at_once_and_then_life(kafka: KafkaCluster, tmp_path: Path) -> None:
    port = free_port()
    text = (FOLDER / "pipeline.yaml").read_text()
    file = tmp_path / "pipeline.yaml"
    file.write_text(text.replace("/var/lib/pynomaly", str(tmp_path)).replace("9464", str(port)))
    environment = os.environ | {"KAFKA_BROKERS": kafka.bootstrap, "PYTHONPATH": str(ROOT)}
    send = [sys.executable, str(FOLDER / "producer.py")]
    for _ in range(2):
        done = subprocess.run([*send, "--topics-only"], env=environment, check=False, timeout=60)
        assert done.returncode == 0
    sending = subprocess.Popen(send, env=environment)
    run = [*PYNOMALY, "run", str(file), "--processes", "2"]
    running = subprocess.Popen(run, env=environment, cwd=tmp_path)
    try:
        past = producer.FLEET.sensors * producer.FLEET.learning
        enough = past + 300
        wait_for(lambda: running.poll() or total(port, "pynomaly_events_total") > enough, 300)
        assert running.poll() is None
        assert total(port, "pynomaly_rejects_total") >= 12
        assert total(port, "pynomaly_scored_events_total") > past / 2
        # What Kubernetes asks of the first process.
        for path in probed():
            wait_until(port, path.removeprefix("/health/"), 200)
        # Where pickles travel nobody is let in: the processes listened on loopback, until they met.
        found = {each for each in listening(running.pid) if each[0] != "127.0.0.1"}
        assert found == {("0.0.0.0", port), ("0.0.0.0", port + 1)}
        running.send_signal(signal.SIGTERM)
        assert running.wait(120) == 0
        assert sending.poll() is None
    finally:
        for process in (running, sending):
            process.kill()
            process.wait()
