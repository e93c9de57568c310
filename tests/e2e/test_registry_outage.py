"""A real schema registry that is slow, down, drips or answers nonsense while a pipeline runs."""

from __future__ import annotations

import io
import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import fastavro
import pytest
import yaml
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from tests.e2e.test_pipeline import metric, start, wait_for
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.kafka_settings import free_port
from tests.support.schema_registry import RegistryUnavailableError, schema_registry
from tests.unit.connectors.formats.format_case import AVRO, READING, TS, avro

COUNT = 20
SLOW_SECONDS = 1.5
DRIP_SECONDS = 0.5
LATER = {**AVRO, "fields": [{"name": "note", "type": "string", "default": ""}, *AVRO["fields"]]}
LAST = {**AVRO, "fields": [*AVRO["fields"], {"name": "place", "type": "string", "default": ""}]}
PROTOBUF = 'syntax = "proto3"; message Reading { string sensor = 1; }'


class Proxy(BaseHTTPRequestHandler):
    """Passes questions on to the registry, in the mood of its server."""

    def do_GET(self) -> None:
        server: Any = self.server
        if server.mood == "silent":
            server.released.wait(60)
        elif server.mood == "slow":
            time.sleep(SLOW_SECONDS)
        if server.mood == "gone":
            # As a registry that is killed while it answers.
            self.close_connection = True
            return
        if server.mood == "nonsense":
            self._answer(200, b"<html>log in</html>")
            return
        try:
            with urlopen(server.registry + self.path, timeout=120) as found:
                self._answer(found.status, found.read(), server.mood == "dripping")
        except HTTPError as error:
            self._answer(error.code, error.read())

    def _answer(self, status: int, body: bytes, is_dripping: bool = False) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            step = 1 if is_dripping else max(1, len(body))
            for place in range(0, len(body), step):
                self.wfile.write(body[place : place + step])
                time.sleep(DRIP_SECONDS if is_dripping else 0)
        except OSError:
            # Nobody has waited for it.
            pass

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def proxy(registry: str) -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    server.registry, server.mood, server.released = registry, "good", threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def written(schema: dict[str, Any], number: int) -> bytes:
    stream = io.BytesIO()
    reading = {**READING, "ts": TS + number, "note": "", "place": ""}
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), reading)
    return stream.getvalue()


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_nothing_is_lost_while_the_registry_is_slow_down_drips_or_talks_nonsense(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    source, port = topic(), free_port()
    scores, letters = tmp_path / "scores.ndjson", tmp_path / "letters.ndjson"
    producer = Producer({"bootstrap.servers": kafka.bootstrap})

    def produce(*payloads: bytes | None) -> None:
        for payload in payloads:
            producer.produce(source, payload)
        assert producer.flush(120) == 0

    def framed(own: int, *bodies: bytes) -> list[bytes]:
        return [b"\0" + own.to_bytes(4, "big") + body for body in bodies]

    try:
        with (
            schema_registry() as registry,
            proxy(registry) as between,
            SchemaRegistryClient({"url": registry, "timeout": 60}) as client,
        ):

            def register(schema: dict[str, Any]) -> int:
                found = client.register_schema(
                    f"{source}-value", Schema(json.dumps(schema), "AVRO")
                )
                return int(found)

            pipeline = {
                "name": "plant",
                "source": {
                    "kafka": {"brokers": kafka.bootstrap, "topic": source, "start": "earliest"}
                },
                "event": {
                    "format": {"avro": {"registry": {"url": between.url, "timeout": 2}}},
                    "key": "sensor",
                    "time": {"path": "ts", "unit": "ms"},
                    "values": ["temp"],
                },
                "detectors": ["zscore"],
                "sinks": {
                    "anomalies": {"file": {"path": str(tmp_path / "anomalies.ndjson")}},
                    "scores": {"file": {"path": str(scores)}},
                    "dead_letters": {"file": {"path": str(letters)}},
                },
                "state": {"directory": str(tmp_path / "state"), "checkpoint_interval": "200ms"},
                "metrics": {"port": port},
            }
            file = tmp_path / "p.yaml"
            file.write_text(yaml.safe_dump(pipeline))
            between.mood = "slow"
            first = register(AVRO)
            produce(*framed(first, *(written(AVRO, n) for n in range(COUNT))))
            process = start("run", file)
            try:
                wait_for(lambda: len(lines(scores)) == COUNT)

                between.mood = "gone"
                second = register(LATER)
                produce(*framed(second, *(written(LATER, n) for n in range(COUNT))))
                wait_for(lambda: metric(port, "pynomaly_decode_blocked_seconds") > 1)
                between.mood = "nonsense"
                wait_for(lambda: metric(port, "pynomaly_decode_blocked_seconds") > 3)
                between.mood = "silent"
                wait_for(lambda: metric(port, "pynomaly_decode_blocked_seconds") > 7)
                with pytest.raises(HTTPError) as health:
                    urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=60)
                body = health.value.read().decode()
                between.mood = "dripping"
                wait_for(lambda: metric(port, "pynomaly_decode_blocked_seconds") > 10)
                between.mood = "good"
                wait_for(lambda: len(lines(scores)) == 2 * COUNT)

                third = register(LAST)
                other = client.register_schema(f"{source}-p", Schema(PROTOBUF, "PROTOBUF"))
                produce(
                    *framed(third, written(LAST, 0)),
                    *framed(other, b"\0\x0a\x01a"),
                    *framed(999_999, b"x"),
                    *framed(first, b"\xff"),
                    b'{"sensor": "s1"}',
                    None,
                    *framed(first, avro(READING)),
                )
                wait_for(lambda: len(lines(scores)) == 2 * COUNT + 2 and len(lines(letters)) == 5)
                restarts = metric(port, "pynomaly_restarts_total")
                blocked = metric(port, "pynomaly_decode_blocked_seconds")
            finally:
                process.send_signal(signal.SIGTERM)
                code = process.wait(120)
    except RegistryUnavailableError as error:
        pytest.skip(str(error))

    offsets = [score["origin"]["offset"] for score in lines(scores)]
    assert sorted([*offsets, *(int(letter["offset"]) for letter in lines(letters))]) == list(
        range(2 * COUNT + 7)
    )
    assert sorted(letter["reason"] for letter in lines(letters)) == [
        "bad_format",
        "bad_format",
        "tombstone",
        "unknown_schema",
        "unknown_schema",
    ]
    assert between.url in body
    assert (restarts, blocked, code) == (0, 0, 0)
