"""Traces through `pynomaly run`: a real receiver of OTLP takes the spans of real batches."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import cast

import orjson
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from engine.domain.trace import MOST_LINKS
from tests.e2e.test_pipeline import (
    file_pipeline,
    kafka_pipeline,
    messages,
    metric,
    run,
    start,
    wait_for,
)
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.kafka_settings import free_port
from tests.support.otlp_receiver import OtlpReceiver, Span

WAY = ["poll", "decode", "detect", "alert", "write", "deliver"]
SECRET = "Bearer 0123456789abcdef"


def add_tracing(file: Path, endpoint: str, sample: float, more: str = "") -> None:
    text = file.read_text()
    file.write_text(f"{text}tracing: {{endpoint: '{endpoint}', sample: {sample}{more}}}\n")


def anomalies(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def two_files(folder: Path, name: str = "p") -> Path:
    """Return a pipeline that reads two files: a process each, where there are two."""
    file, _ = file_pipeline(folder, name)
    for number in range(2):
        part = b"\n".join(messages()[number::2])
        (folder / f"part-{number}.ndjson").write_bytes(part)
    file.write_text(file.read_text().replace("/in.ndjson", "/part-*.ndjson"))
    return file


def way(span: Span, spans: dict[str, Span]) -> list[str]:
    """Return the names from the root to a span."""
    return [*(way(spans[span.parent], spans) if span.parent else []), span.name]


def test_every_batch_is_seen_from_poll_to_delivery_across_processes(tmp_path: Path) -> None:
    file = two_files(tmp_path)
    with OtlpReceiver() as receiver:
        add_tracing(file, receiver.endpoint, 0)
        assert run("run", file).returncode == 0

    assert receiver.requests == 0
    untraced = anomalies(tmp_path / "p.out")
    traced = two_files(tmp_path, "traced")
    traced.write_text(traced.read_text().replace("name: traced", "name: p"))
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    with OtlpReceiver() as receiver:
        headers = f", headers: {{authorization: '${{file:{secret}}}'}}"
        add_tracing(traced, receiver.endpoint, 1, headers)
        done = run("run", traced, "--processes", 2)
    assert done.returncode == 0, done.stderr
    assert receiver.headers["authorization"] == SECRET
    assert SECRET not in done.stderr
    found = anomalies(tmp_path / "traced.out")
    trace_ids = {str(anomaly.pop("trace_id")) for anomaly in found}
    assert by_id(found) == by_id(untraced), "scores and ids are as without traces"

    spans = {span.span_id: span for span in receiver.spans}
    assert len(spans) == len(receiver.spans)
    assert trace_ids <= {span.trace_id for span in spans.values()}
    for span in spans.values():
        assert way(span, spans) == WAY[: WAY.index(span.name) + 1]
        assert span.start <= span.end
        if span.parent:
            assert span.trace_id == spans[span.parent].trace_id
            assert span.start >= spans[span.parent].start
        assert span.resource["service.name"] == "p"
    events = [s.attributes["messaging.batch.message_count"] for s in named("poll", spans)]
    assert sum(map(int, events)) == len(messages())
    processes = {span.resource["service.instance.id"] for span in named("detect", spans)}
    assert processes == {"0", "1"}, "each process reports its own batches"
    delivered = [
        span.attributes["messaging.batch.message_count"] for span in named("deliver", spans)
    ]
    assert sum(map(int, delivered)) == len(found)
    assert {span.kind for span in named("poll", spans)} == {"consumer"}


def by_id(found: list[dict[str, object]]) -> dict[object, dict[str, object]]:
    return {anomaly["id"]: anomaly for anomaly in found}


def named(name: str, spans: dict[str, Span]) -> list[Span]:
    return [span for span in spans.values() if span.name == name]


def test_a_collector_that_is_away_holds_up_nothing(tmp_path: Path) -> None:
    file, _ = file_pipeline(tmp_path)
    add_tracing(file, f"http://127.0.0.1:{free_port()}/v1/traces", 1)
    done = run("run", file)

    assert done.returncode == 0, done.stderr
    assert len(anomalies(tmp_path / "p.out")) > 0
    warnings = [line for line in done.stderr.splitlines() if "spans do not reach" in line]
    assert len(warnings) == 1, done.stderr
    assert "opentelemetry" not in done.stderr


Headers = dict[str, str | bytes | None]


def context(n: int, flags: str = "01") -> Headers:
    return {"traceparent": f"00-{n:032x}-{n:016x}-{flags}".encode()}


def test_contexts_come_in_and_go_out_by_kafka_headers(
    tmp_path: Path, kafka: KafkaCluster, topic: TopicFactory
) -> None:
    inlet, outlet = topic(), topic()
    file, port = kafka_pipeline(tmp_path, kafka, inlet, outlet)
    payloads = messages()
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    bad: Headers = {"traceparent": b"garbage"}
    for n, payload in enumerate(payloads):
        # Every tenth is sampled, the one before it is in a trace that is not.
        contexts = {0: context(n + 1), 8: bad, 9: context(n + 1, "00")}
        producer.produce(inlet, payload, headers=contexts.get(n % 10))
        producer.poll(0)

    assert producer.flush(60) == 0
    with OtlpReceiver() as receiver:
        add_tracing(file, receiver.endpoint, 1)
        running = start("run", file)
        try:
            wait_for(
                lambda: running.poll() or metric(port, "pynomaly_events_total") == len(payloads),
                300,
            )
            running.send_signal(signal.SIGTERM)
            assert running.wait(120) == 0
        finally:
            running.kill()
            running.wait()
    spans = {span.span_id: span for span in receiver.spans}
    polls = named("poll", spans)
    assert polls
    for poll in polls:
        assert int(poll.parent, 16) == int(poll.trace_id, 16) == first_sampled(poll)
        count = int(poll.attributes["messaging.batch.message_count"])
        own = first_sampled(poll)
        last = int(poll.attributes["pynomaly.first_offset"]) + count
        expected = range(own + 10, last + 1, 10)[:MOST_LINKS]
        assert [int(span_id, 16) for _, span_id in poll.links] == list(expected)
    published = read(kafka, outlet)
    assert published
    for message in published:
        document = orjson.loads(message.value() or b"")
        headers = dict(message.headers() or [])
        _, trace_id, span_id, flags = cast("bytes", headers["traceparent"]).decode().split("-")
        assert flags == "01"
        assert trace_id == document["trace_id"]
        assert spans[span_id].name == "alert"
        assert spans[span_id].trace_id == trace_id


def first_sampled(poll: Span) -> int:
    """Return the number in the context of a batch's first sampled message."""
    first = int(poll.attributes["pynomaly.first_offset"])
    return -(-first // 10) * 10 + 1


def read(kafka: KafkaCluster, topic: str) -> list[Message]:
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "t"})
    try:
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=120)
        consumer.assign([TopicPartition(topic, 0, 0)])
        return consumer.consume(end, 60)
    finally:
        consumer.close()
