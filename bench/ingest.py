"""`python -m bench.ingest 200000`: a server that was away stores a backlog while it is read.

So many anomalies, each of an incident of its own, wait in a topic of a real Kafka when
`pynomaly serve --follow` starts, on SQLite. A client asks for the newest of them meanwhile. In the
end each anomaly and incident has to be there once.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import numpy as np
import orjson
from confluent_kafka import Producer
from sqlalchemy import create_engine, text

from bench.figures import arguments, report
from bench.measured import cpu_seconds
from engine.application.control.first_start import first_start
from engine.presentation.cli.control_store import open_store
from tests.support.api_server import ApiServer
from tests.support.kafka_broker import KafkaBroker
from tests.support.published import anomaly

TOPIC, PARTITIONS, ENTITIES = "anomalies", 4, 1_000
PIPELINE = """
name: quick
source: {{kafka: {{brokers: "{brokers}", topic: readings}}}}
event: {{key: sensor, time: {{path: ts, unit: ms}}, values: [t]}}
sinks: {{anomalies: {{kafka: {{topic: {topic}}}}}}}
"""


def write(brokers: str, count: int) -> None:
    """Write the backlog."""
    producer = Producer({"bootstrap.servers": brokers, "linger.ms": 50})
    for number in range(count):
        document = anomaly(number, entity=f"pump-{number * 7919 % ENTITIES}")
        while True:
            try:
                producer.produce(TOPIC, orjson.dumps(document), partition=number % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(120) == 0


class Reader:
    """A client that lists the newest anomalies, one request after the other."""

    def __init__(self, url: str, token: str) -> None:
        self.took: list[float] = []
        self._stop = Event()
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60
        )
        self._thread = Thread(target=self._read)
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join()
        self._http.close()

    def _read(self) -> None:
        while not self._stop.wait(0.01):
            began = time.perf_counter()
            self._http.get("/api/v1/anomalies").raise_for_status()
            self.took.append(time.perf_counter() - began)


def measure(count: int) -> dict[str, Any]:
    """Return how fast the backlog was stored, and what reads took meanwhile."""
    with tempfile.TemporaryDirectory(prefix="pynomaly-bench-") as place, KafkaBroker() as broker:
        folder = Path(place)
        for topic in ("readings", TOPIC):
            broker.create_topic(topic, PARTITIONS)
        write(broker.bootstrap, count)
        (folder / "p.yaml").write_text(PIPELINE.format(brokers=broker.bootstrap, topic=TOPIC))
        server = ApiServer(folder, "--follow", str(folder / "p.yaml"))
        with closing(open_store(server.directory, None)) as store, store.writing() as work:
            made = first_start(work, time.time_ns())
        assert made is not None
        engine = create_engine(f"sqlite:///{server.directory / 'store.db'}")
        with server:
            began, busy = time.perf_counter(), cpu_seconds(server.pid)
            reader = Reader(server.url, made.secret)
            try:
                while _counts(engine)[0] < count:
                    time.sleep(0.5)
                took = time.perf_counter() - began
                spent = cpu_seconds(server.pid) - busy
            finally:
                reader.stop()
            anomalies, incidents = _counts(engine)
        engine.dispose()
    p50, p99 = np.percentile(reader.took, [50, 99]) * 1_000
    return {
        "anomalies": anomalies,
        "incidents": incidents,
        "anomalies a second": round(count / took),
        "us of processor time each": round(spent / count * 1e6),
        "reads": len(reader.took),
        "ms of a read, p50 and p99": [round(float(one), 1) for one in (p50, p99)],
    }


def _counts(engine: Any) -> tuple[int, int]:
    with engine.connect() as connection:
        query = "SELECT (SELECT count(*) FROM anomalies), (SELECT count(*) FROM incidents)"
        anomalies, incidents = connection.execute(text(query)).one()
    return anomalies, incidents


if __name__ == "__main__":
    report("ingest", "A backlog in Kafka, stored while it is read", measure(arguments()[0]))
