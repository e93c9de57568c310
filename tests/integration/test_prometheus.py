"""A fault in a running pipeline reaches people: a real Prometheus, Alertmanager and Kafka."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import orjson
import pytest
from confluent_kafka import Producer

from deploy.grafana.generate import DASHBOARDS
from tests.support.debian_programs import has_apt
from tests.support.forked_command import ForkedCommand
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_settings import HOST, free_port
from tests.support.otlp_receiver import OtlpReceiver
from tests.support.prometheus_servers import Servers, wait_for

pytestmark = pytest.mark.skipif(
    not has_apt(), reason="Prometheus comes from a Debian package, and there is no apt here"
)

RATE = 500
BACKLOG = 10_000
SENSORS = 20
MOST_SERIES = 200
MOST_WAITING = 20_000
"""So many readings are kept for a broker that is away; later ones are not sent."""


class Plant:
    """Sends readings of sensors, or what a test asks for, until it is closed."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.sensors = SENSORS
        self.garbage = False
        self.silent = False
        self._topic = topic
        self._producer = Producer({"bootstrap.servers": bootstrap})
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._producer.flush(120)

    def _send(self) -> None:
        draw, number = random.Random(1), 0
        start = time.time_ns() // 1_000_000 - 90 * 86_400_000
        # What came before, for models to be warm at once.
        due = BACKLOG
        while not self._ended.wait(0.1):
            for _ in range(0 if self.silent else due):
                number += 1
                # The first sensors, whose models are warm, go on being heard of.
                key = f"press-{number // 2 % (SENSORS if number % 2 else self.sensors)}"
                value = 60.0 if number % 997 == 0 else draw.gauss(10, 1)
                event = {"sensor": key, "ts": start + number * 500, "temp": value}
                payload = b"garbage" if self.garbage else orjson.dumps(event)
                if len(self._producer) < MOST_WAITING:
                    self._producer.produce(self._topic, payload, key)
            due = RATE // 10
            self._producer.poll(0)


class Inbox:
    """What Alertmanager sends to people: the receiver, alert and state of each message."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str, str]] = []
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                notified = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for alert in notified["alerts"]:
                    name = alert["labels"]["alertname"]
                    inbox.messages.append((self.path.strip("/"), name, alert["status"]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self.address = f"http://{HOST}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Watched:
    """A pipeline that runs, and all that watches it."""

    def __init__(self, folder: Path, kafka: KafkaBroker, collector: OtlpReceiver) -> None:
        topics = [f"watched-{role}-{os.getpid()}" for role in ("in", "out", "rejected")]
        for topic in topics:
            kafka.create_topic(topic, 2)
        self.kafka = kafka
        self.port = free_port()
        file = folder / "watched.yaml"
        self.collector = collector
        file.write_text(_pipeline(kafka.bootstrap, topics, folder, self.port, collector.endpoint))
        self.inbox = Inbox()
        self.plant = Plant(kafka.bootstrap, topics[0])
        command = [sys.executable, "-m", "engine.presentation.cli.main"]
        self.log = folder / "run.log"
        with self.log.open("wb") as log:
            self.run = ForkedCommand("run", file, stderr=log)
        self.server_port = free_port()
        page = f"{HOST}:{self.server_port}"
        serve = [*command, "serve", "--port", "0", "--metrics", page, "--follow", str(file)]
        with (folder / "serve.log").open("wb") as log:
            place = ["--directory", str(folder / "server")]
            self.server = subprocess.Popen([*serve, *place], stdout=subprocess.PIPE, stderr=log)
        assert self.server.stdout is not None
        # Left open: the server prints more.
        printed = [self.server.stdout.readline().decode().strip() for _ in range(3)]
        self.api, self.token = printed[0].removeprefix("API: "), printed[2]
        (folder / "servers").mkdir()
        pages = [f"{HOST}:{self.port}", page]
        self.servers = Servers(folder / "servers", pages, self.inbox.address)

    def close(self) -> int:
        self.plant.close()
        self.run.send_signal(signal.SIGTERM)
        try:
            return self.run.wait(120)
        finally:
            self.run.kill()
            self.server.kill()
            self.server.communicate()
            self.servers.close()
            self.inbox.close()

    def wait_for_message(self, *message: str) -> None:
        try:
            wait_for(lambda: message in self.inbox.messages, str(message))
        except AssertionError as error:
            raise AssertionError(f"{error}; notified were {self.inbox.messages}") from None

    def value(self, expression: str) -> float:
        found = self.servers.query(expression)
        return float(found[0]["value"][1]) if found else 0.0


def _pipeline(brokers: str, topics: list[str], folder: Path, port: int, collector: str) -> str:
    inlet, outlet, letters = topics
    return f"""
name: watched
source: {{kafka: {{brokers: "{brokers}", topic: {inlet}}}}}
event:
  key: sensor
  time: {{path: ts, unit: ms}}
  values: [temp]
detectors: [{{zscore: {{half_life: 100}}}}]
sinks:
  anomalies: {{kafka: {{topic: {outlet}}}}}
  dead_letters: {{kafka: {{topic: {letters}}}}}
state: {{directory: "{folder}/state", checkpoint_interval: 500ms}}
metrics: {{port: {port}}}
tracing: {{endpoint: "{collector}", sample: 0.5}}
"""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    # A broker of its own: it is killed.
    with KafkaBroker() as kafka, OtlpReceiver() as collector:
        found = Watched(tmp_path_factory.mktemp("watched"), kafka, collector)
        try:
            found.servers.wait_until_ready()
            wait_for(lambda: found.value("pipeline:pynomaly_events:rate5m") > 0, "events")
            wait_for(lambda: found.value("sum(pynomaly_anomalies_total)") > 0, "anomalies")
            yield found
        finally:
            code = found.close()
        assert code == 0


def test_a_pipeline_in_order_alerts_nobody(watched: Watched) -> None:
    # Where hours pass in seconds, the wait for the first events is a long one.
    wait_for(lambda: not watched.servers.alerts(), "quiet")
    notified = len(watched.inbox.messages)
    watched.servers.wait_for_scrapes(20, more=True)

    assert watched.servers.alerts() == set()
    assert not [each for each in watched.inbox.messages[notified:] if each[-1] == "firing"]


def test_series_do_not_grow_with_the_entities(watched: Watched) -> None:
    def series() -> set[tuple[tuple[str, str], ...]]:
        found = [labels for labels in watched.servers.series() if "pipeline" in labels]
        return {tuple(sorted(labels.items())) for labels in found}

    before = series()
    watched.plant.sensors = 20 * SENSORS
    wait_for(lambda: watched.value("pynomaly_entities") == 20 * SENSORS, "more entities")
    # Severities of anomalies may come up that had not been seen.
    named = [labels for labels in series() - before if ("severity", "minor") not in labels]

    assert len(series()) < MOST_SERIES
    assert not any("press-" in value for labels in series() for _, value in labels), named


def test_a_sample_of_the_latency_names_its_trace(watched: Watched) -> None:
    def known() -> bool:
        spans = {(span.trace_id, span.span_id) for span in watched.collector.spans}
        found = watched.servers.exemplars("pynomaly_latency_seconds_bucket")
        return any((each["trace_id"], each["span_id"]) in spans for each in found)

    wait_for(known, "an exemplar whose span a collector has")


def test_a_flood_of_rejects_is_reported_and_so_is_its_end(watched: Watched) -> None:
    watched.plant.garbage = True
    watched.wait_for_message("on-call", "PynomalyRejects", "firing")

    assert "PynomalyRejects" in watched.servers.alerts()
    watched.plant.garbage = False
    watched.wait_for_message("on-call", "PynomalyRejects", "resolved")
    # Of its two severities one may end before the other. Other alerts, such as that of a growing
    # lag, may be there for good reason on a slow machine.
    wait_for(lambda: "PynomalyRejects" not in watched.servers.alerts(), "end of both severities")


def test_silence_is_reported_and_so_is_its_end(watched: Watched) -> None:
    watched.plant.silent = True
    watched.wait_for_message("working-hours", "PynomalyNoEvents", "firing")
    watched.plant.silent = False
    watched.wait_for_message("working-hours", "PynomalyNoEvents", "resolved")


def test_a_killed_broker_is_reported_and_so_is_its_return(watched: Watched) -> None:
    watched.kafka.kill()
    watched.wait_for_message("on-call", "PynomalyBrokerErrors", "firing")
    watched.kafka.start()
    watched.wait_for_message("on-call", "PynomalyBrokerErrors", "resolved")
    notified = [name for receiver, name, _ in watched.inbox.messages if receiver == "on-call"]

    assert "PynomalyStuck" not in notified
    # Said once, however often the clients try.
    assert watched.log.read_text().count("Connection refused") <= 6
    wait_for(lambda: "PynomalyBrokerErrors" not in watched.servers.alerts(), "end of the alert")


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_every_panel_has_data(watched: Watched, dashboard) -> None:
    watched.servers.wait_for_scrapes(8)

    for query in dashboard.queries():
        asked = query.replace("$pipeline", "watched").replace("$__rate_interval", "4s")
        asked = asked.replace("$instance", ".*")
        wait_for(partial(numbers_while_in_use, watched, asked), asked)


def numbers_while_in_use(watched: Watched, query: str) -> list[str]:
    """Ask for the numbers of a query after one more request to the server.

    A rate needs a counter that rises between two scrapes: the first request of a route alone
    gives none. A request without a token is a request, too; the second read of a page comes from
    the cache.
    """
    with suppress(HTTPError):
        urlopen(f"{watched.api}/me").close()
    page = Request(f"{watched.api}/anomalies", headers={"Authorization": f"Bearer {watched.token}"})
    for _ in range(2):
        urlopen(page).close()
    return numbers(watched.servers, query)


def numbers(servers: Servers, query: str) -> list[str]:
    values = [sample["value"][1] for sample in servers.query(query)]
    return [value for value in values if value != "NaN"]
