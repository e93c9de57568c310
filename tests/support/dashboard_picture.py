"""Draw the dashboard of a pipeline that really ran: `python -m tests.support.dashboard_picture`.

A real Kafka, the producer and the pipeline of deploy/compose, at ten times their speed and so with
ten times the alarms a day, and a real Prometheus: docs/dashboard.svg shows what it answers to the
queries of deploy/grafana. The pipeline reads what had waited for it, goes on for minutes, and is
killed once in what is shown.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from deploy.grafana.graph import Series
from deploy.grafana.picture import draw
from deploy.grafana.pipeline import ONE_PIPELINE
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_settings import HOST, free_port
from tests.support.prometheus_servers import Servers, wait_for

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "deploy" / "compose"
PICTURE = ROOT / "docs" / "dashboard.svg"
STEP = 3.0
"""Seconds between points."""
PAST = "sum(pynomaly_events_total) > 120000"
"""When what had waited for the pipeline has been read."""
RATES = "30s"
"""What Grafana would take for $__rate_interval."""


def main(quiet: float, seconds: float) -> None:
    """Run the pipeline, kill its process once, and draw its last seconds."""
    with tempfile.TemporaryDirectory() as name, KafkaBroker() as kafka:
        folder, port = Path(name), free_port()
        text = (COMPOSE / "pipeline.yaml").read_text().split("tracing:")[0]
        file = folder / "pipeline.yaml"
        for before, after in (("/var/lib/pynomaly", name), ("9464", port), ("20/day", "200/day")):
            assert before in text
            text = text.replace(before, str(after))
        file.write_text(text)
        environment = os.environ | {"KAFKA_BROKERS": kafka.bootstrap, "PYTHONPATH": str(ROOT)}
        send = [sys.executable, str(COMPOSE / "producer.py"), "--seconds", "0.1"]
        subprocess.run([*send, "--topics-only"], env=environment, check=True)
        servers = Servers(folder, [f"{HOST}:{port}"], "http://localhost:9", times=1)
        run = [sys.executable, "-m", "engine.presentation.cli.main", "run", str(file)]
        running, sending = (subprocess.Popen(line, env=environment) for line in (run, send))
        try:
            servers.wait_until_ready()
            wait_for(lambda: servers.query(PAST), "the past")
            time.sleep(quiet)
            began = time.time()
            time.sleep(seconds * 2 / 5)
            os.kill(worker(running.pid), signal.SIGKILL)
            time.sleep(seconds * 3 / 5)
            span = began, time.time()
            note = time.strftime("%d %B %Y, %H:%M UTC", time.gmtime(began))
            caption = f"presses · {note} · killed with kill -9 at {clock(began + seconds * 2 / 5)}"
            PICTURE.write_text(draw(ONE_PIPELINE, partial(ask, servers, span), span, caption))
        finally:
            for process in (running, sending):
                process.send_signal(signal.SIGTERM)
            for process in (running, sending):
                process.wait(120)
            servers.close()


def worker(supervisor: int) -> int:
    """Return the process of a pipeline's only worker."""
    [child] = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    return int(child)


def clock(when: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(when))


def ask(servers: Servers, span: tuple[float, float], query: str) -> list[Series]:
    """Return what Prometheus answers to a dashboard's query."""
    asked = query.replace("$pipeline", ".*").replace("$__rate_interval", RATES)
    return [
        Series(
            each["metric"],
            [when for when, _ in each["values"]],
            [float(value) for _, value in each["values"]],
        )
        for each in servers.range(asked, span, STEP)
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quiet", type=float, default=300, help="seconds that are not shown")
    parser.add_argument("--seconds", type=float, default=300, help="seconds that are shown")
    main(**vars(parser.parse_args()))
