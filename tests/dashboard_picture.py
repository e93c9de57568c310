"""Draw the dashboard of a pipeline that really ran: `python -m tests.dashboard_picture [SECONDS]`.

A real Kafka, the producer and the pipeline of deploy/compose at ten times their speed, a real
Prometheus: docs/dashboard.svg shows what it answers to the queries of deploy/grafana.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from deploy.grafana.picture import Series, draw
from deploy.grafana.pipeline import ONE_PIPELINE
from tests.kafka_broker import KafkaBroker
from tests.kafka_settings import HOST, free_port
from tests.prometheus_servers import Servers

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = ROOT / "deploy" / "compose"
PICTURE = ROOT / "docs" / "dashboard.svg"
STEP = 2.0
"""Seconds between points."""


def main(seconds: float) -> None:
    """Run the pipeline for so long, then draw."""
    with tempfile.TemporaryDirectory() as name, KafkaBroker() as kafka:
        folder, port = Path(name), free_port()
        text = (COMPOSE / "pipeline.yaml").read_text().split("tracing:")[0]
        file = folder / "pipeline.yaml"
        file.write_text(text.replace("/var/lib/pynomaly", name).replace("9464", str(port)))
        environment = os.environ | {"KAFKA_BROKERS": kafka.bootstrap, "PYTHONPATH": str(ROOT)}
        send = [sys.executable, str(COMPOSE / "producer.py"), "--seconds", "0.1"]
        subprocess.run([*send, "--topics-only"], env=environment, check=True)
        servers = Servers(folder, [f"{HOST}:{port}"], "http://localhost:9")
        run = [sys.executable, "-m", "engine.presentation.cli.main", "run", str(file)]
        started = [subprocess.Popen(line, env=environment) for line in (run, send)]
        try:
            servers.wait_until_ready()
            time.sleep(seconds)
            PICTURE.write_text(draw(ONE_PIPELINE, partial(ask, servers, seconds)))
        finally:
            for process in started:
                process.send_signal(signal.SIGTERM)
            for process in started:
                process.wait(60)
            servers.close()


def ask(servers: Servers, seconds: float, query: str) -> list[Series]:
    """Return what Prometheus answers to a dashboard's query, over the last seconds."""
    asked = query.replace("$pipeline", ".*").replace("$__rate_interval", "15s")
    return [
        Series(
            each["metric"],
            [when for when, _ in each["values"]],
            [float(value) for _, value in each["values"]],
        )
        for each in servers.range(asked, seconds, STEP)
    ]


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 240)
