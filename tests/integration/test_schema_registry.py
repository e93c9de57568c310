"""Formats with a schema registry: a real one, and ones that are down, slow or answer nonsense."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import urlopen

import fastavro
import numpy as np
import pytest
from confluent_kafka.schema_registry import (
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    topic_subject_name_strategy,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

import connectors.formats.registry as registry_module
from connectors.formats.avro import Avro
from connectors.kafka.encoding import Encoder, SinkFormat
from engine.application.config.document import read
from engine.application.config.event import EventSpec
from engine.domain.batch import Headers, RawBatch
from engine.domain.errors import ConnectorError, RetryableError
from engine.domain.format import NotYetError
from engine.domain.record import Record
from engine.domain.reject import Reject, RejectReason
from operators.decode.decoder import Decoder
from tests.support.schema_registry import RegistryUnavailableError, schema_registry
from tests.unit.connectors.formats.format_case import AVRO, NOW, READING, TS, avro, entities, field
from tests.unit.operators.test_publish import real_documents


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    try:
        with schema_registry() as found:
            yield found
    except RegistryUnavailableError as error:
        pytest.skip(str(error))


def decoder(kind: str, url: str, values: str = "[temp]", **settings: Any) -> Decoder:
    asked = json.dumps({"url": url, **settings})
    text = f"""
format: {{{kind}: {{registry: {asked}}}}}
key: sensor
time: {{path: ts, unit: ms}}
values: {values}
"""
    return Decoder(EventSpec.model_validate(read(text, {}).data).mapping(), clock=lambda: NOW)


def decode(
    found: Decoder, *payloads: bytes, headers: Headers = ()
) -> tuple[list[tuple[str, float]], list[Reject]]:
    n = len(payloads)
    batch = RawBatch(
        "t", 0, np.arange(n), np.full(n, NOW), list(payloads), headers=lambda _row: headers
    )
    events, rejects = found.decode([batch])
    return entities(events), rejects


def register(url: str, subject: str, schema: Schema) -> int:
    with closing(SchemaRegistryClient({"url": url, "timeout": 60})) as client:
        return client.register_schema(subject, schema)


def framed(own: int, body: bytes) -> bytes:
    return b"\0" + own.to_bytes(4, "big") + body


def test_avro_is_read_while_its_schema_evolves(url: str) -> None:
    old = register(url, "evolving-value", Schema(json.dumps(AVRO), "AVRO"))
    note = {"name": "note", "type": "string", "default": ""}
    later = {**AVRO, "fields": [note, *AVRO["fields"]]}
    found = decoder("avro", url)
    first, _ = decode(found, framed(old, avro(READING)))

    new = register(url, "evolving-value", Schema(json.dumps(later), "AVRO"))
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(later), {**READING, "note": "x"})
    both, rejects = decode(found, framed(new, stream.getvalue()), framed(old, avro(READING)))

    assert first == [("s1", 20.5)]
    assert (both, rejects) == ([("s1", 20.5)] * 2, [])


@pytest.mark.parametrize("value", ["temp", "temperature"], ids=["former name", "new name"])
@pytest.mark.parametrize("count", [1, 40], ids=["one by one", "in columns"])
def test_a_field_that_was_renamed_with_an_alias_is_read_before_and_after(
    url: str, value: str, count: int
) -> None:
    def renamed(one: Any) -> Any:
        is_it = one["name"] == "temp"
        return {**one, "name": "temperature", "aliases": ["temp"]} if is_it else one

    subject = f"renamed-{value}-{count}-value"
    before = {**AVRO, "name": f"Renamed_{value}_{count}"}
    after = {**before, "fields": [renamed(one) for one in AVRO["fields"]]}
    old = register(url, subject, Schema(json.dumps(before), "AVRO"))
    new = register(url, subject, Schema(json.dumps(after), "AVRO"))
    found = decoder("avro", url, f"[{value}]")

    events, rejects = decode(
        found, *[framed(new, avro(READING)), framed(old, avro(READING))] * count
    )

    assert (events, rejects) == ([("s1", 20.5)] * 2 * count, [])


def test_an_id_in_a_header_is_read(url: str) -> None:
    own = register(url, "h", Schema(json.dumps(AVRO), "AVRO"))

    events, rejects = decode(
        decoder("avro", url), avro(READING), headers=(("__value_schema_id", framed(own, b"")),)
    )

    assert (events, rejects) == ([("s1", 20.5)], [])


def test_an_unknown_schema_is_a_reject_with_its_id(url: str) -> None:
    own = register(url, "u", Schema(json.dumps(AVRO), "AVRO"))

    events, rejects = decode(
        decoder("avro", url), framed(999_999, b"x"), framed(own, avro(READING)), b"{}", b""
    )

    assert events == [("s1", 20.5)]
    assert [r.reason for r in rejects] == [
        RejectReason.UNKNOWN_SCHEMA,
        RejectReason.BAD_FORMAT,
        RejectReason.EMPTY,
    ]
    assert "has no schema 999999" in rejects[0].detail


PROTO = """
syntax = "proto3";
package plant;
import "google/protobuf/timestamp.proto";
message Other { string x = 1; }
message Reading {
  string sensor = 1;
  int64 ts = 2;
  optional double temp = 3;
  enum State { OFF = 0; ON = 1; }
  State state = 4;
  message Inner { repeated int32 levels = 1; map<string, double> named = 2; }
  Inner inner = 5;
  google.protobuf.Timestamp at = 6;
}
"""


def test_protobuf_of_any_type_in_its_schema_is_read(url: str) -> None:
    own = register(url, "proto-value", Schema(PROTO, "PROTOBUF"))
    inner = field(1, b"\x07\x08") + field(2, field(1, "a") + field(2, 1.5))
    body = field(1, "s1") + field(2, TS) + field(3, 20.5) + field(4, 1) + field(5, inner)
    second_type = b"\x02\x02"
    values = """{temp: temp, level: "inner.levels[1]", named: inner.named.a,
      state: {path: state, map: {"ON": 1}}}"""
    found = decoder("protobuf", url, values)

    events, rejects = decode(found, framed(own, second_type + body), framed(own, b"\x02\x14"))

    assert events == [("s1", 20.5)]
    assert [r.reason for r in rejects] == [RejectReason.BAD_FORMAT]


def test_a_schema_may_refer_to_another(url: str) -> None:
    shared = 'syntax = "proto3"; package shared; message Level { double value = 1; }'
    register(url, "shared.proto", Schema(shared, "PROTOBUF"))
    text = """
syntax = "proto3";
import "shared.proto";
message Reading { string sensor = 1; int64 ts = 2; shared.Level level = 3; }
"""
    reference = SchemaReference("shared.proto", "shared.proto", 1)
    own = register(url, "refers-value", Schema(text, "PROTOBUF", [reference]))
    body = field(1, "s1") + field(2, TS) + field(3, field(1, 3.5))

    events, rejects = decode(
        decoder("protobuf", url, "{v: level.value}"), framed(own, b"\0" + body)
    )

    assert (events, rejects) == ([("s1", 3.5)], [])


class Odd(BaseHTTPRequestHandler):
    """A registry that answers as its server's `answers` say, one after the other."""

    asked: list[str | None]

    def do_GET(self) -> None:
        server: Any = self.server
        server.asked.append(self.headers.get("authorization"))
        time.sleep(server.seconds)
        status, body = server.answers[min(len(server.asked), len(server.answers)) - 1]
        self.send_response(status)
        self.send_header("content-type", "application/json")
        try:
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            # The client has given up.
            pass

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(registry_module, "WAIT_SECONDS", (0.01, 0.01))
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    server.answers, server.asked, server.seconds = [], [], 0.0
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


class Dripping(BaseHTTPRequestHandler):
    """A registry that sends its answer a byte at a time, from a place on."""

    def do_GET(self) -> None:
        server: Any = self.server
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-note: "
        answer = head + b"-" * 400 + b"\r\n\r\n" + GOOD[1]
        try:
            self.wfile.write(answer[: server.whole])
            for byte in answer[server.whole :]:
                self.wfile.write(bytes([byte]))
                time.sleep(0.05)
        except OSError:
            # The client has given up.
            pass

    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.parametrize("whole", [20, 600], ids=["its headers", "its body"])
def test_a_registry_that_drips_rejects_nothing_and_is_retried(whole: int) -> None:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    server.whole = whole
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"

    try:
        with pytest.raises(RetryableError, match=r"no complete answer in 0\.5 s"):
            decode(decoder("avro", url, timeout=0.5), framed(7, avro(READING)))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_registry_that_is_slower_than_its_timeout_gets_more_time(
    odd: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(registry_module, "SLOW_SECONDS", 1.0)
    odd.answers, odd.seconds = [GOOD], 1.2
    found = decoder("avro", odd.url, timeout=0.4)

    tries = 0
    events: list[tuple[str, float]] = []
    while not events:
        tries += 1
        assert tries < 8
        with suppress(RetryableError):
            events, rejects = decode(found, framed(7, avro(READING)), framed(8, avro(READING)))

    assert tries > 1
    assert (events, rejects) == ([("s1", 20.5)] * 2, [])
    assert caplog.text.count(" s for schema 7: the stream waits") == 1
    assert "schema 8" not in caplog.text


GOOD = 200, json.dumps({"schema": json.dumps(AVRO)}).encode()


def test_a_registry_that_fails_now_and_then_is_asked_again(odd: Any) -> None:
    odd.answers = [(503, b"{}"), (500, b"oops"), GOOD]

    events, rejects = decode(decoder("avro", odd.url), *[framed(7, avro(READING))] * 3)

    assert (events, rejects) == ([("s1", 20.5)] * 3, [])
    assert len(odd.asked) == 3


def test_a_registry_that_is_down_rejects_nothing_and_interrupts_the_run(odd: Any) -> None:
    odd.answers = [(503, b"{}")]

    with pytest.raises(RetryableError, match="the schema registry"):
        decode(decoder("avro", odd.url), framed(7, avro(READING)))


@pytest.mark.parametrize(
    "answer",
    [(404, b"<html>nginx</html>"), (200, b"<html>log in</html>"), (200, b"[]"), (200, b"{}")],
)
def test_answers_of_another_server_reject_nothing_and_name_the_url(
    odd: Any, answer: tuple[int, bytes]
) -> None:
    odd.answers = [answer]

    with pytest.raises(RetryableError, match="is the URL that of its API"):
        decode(decoder("avro", odd.url), framed(7, avro(READING)))


@pytest.mark.parametrize("status", [408, 429, 500, 502])
def test_a_registry_that_is_busy_rejects_nothing(odd: Any, status: int) -> None:
    odd.answers = [(status, b'{"error_code":42901,"message":"slow down"}')]

    with pytest.raises(RetryableError, match="slow down"):
        decode(decoder("avro", odd.url), framed(7, avro(READING)))


def test_a_registry_that_fails_at_the_second_question_rejects_nothing(odd: Any) -> None:
    odd.answers = [(404, b'{"error_code":40403,"message":"none"}'), (503, b"{}")]

    with pytest.raises(RetryableError):
        decode(decoder("avro", odd.url), framed(7, avro(READING)))


def test_a_registry_that_fails_at_what_a_schema_refers_to_rejects_nothing(odd: Any) -> None:
    reference = {"name": "x", "subject": "x", "version": 1}
    schema = {"schema": 'syntax = "proto3"; import "x"; message A {}', "schemaType": "PROTOBUF"}
    odd.answers = [(200, json.dumps({**schema, "references": [reference]}).encode()), (503, b"{}")]

    with pytest.raises(RetryableError):
        decode(decoder("protobuf", odd.url), framed(7, b"\0"))


def test_many_unknown_ids_are_asked_for_in_slices_and_end(odd: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(registry_module, "UNKNOWN_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(registry_module, "SLICE_SECONDS", 0.05)
    odd.answers = [(404, b'{"error_code":40403,"message":"none"}')]
    payloads, slices = [framed(own, b"x") for own in range(200)], 0
    found = decoder("avro", odd.url)

    while True:
        try:
            _, rejects = decode(found, *payloads)
            break
        except NotYetError:
            slices += 1

    assert slices
    assert [reject.reason for reject in rejects] == [RejectReason.UNKNOWN_SCHEMA] * 200
    # Ten of them were asked for again, in case that a replica lags behind.
    assert len(odd.asked) == 210


@pytest.mark.parametrize("status", [401, 403])
def test_a_registry_that_refuses_us_ends_the_run(odd: Any, status: int) -> None:
    odd.answers = [(status, b"{}")]

    with pytest.raises(ConnectorError, match="refuses us"):
        decode(decoder("avro", odd.url), framed(7, avro(READING)))


def test_a_registry_that_refuses_us_later_rejects_nothing_and_is_asked_again(odd: Any) -> None:
    odd.answers = [GOOD, (401, b"{}"), GOOD]
    found = decoder("avro", odd.url)
    decode(found, framed(7, avro(READING)))

    with pytest.raises(RetryableError, match=r"refuses us: .*restart with the new user"):
        decode(found, framed(8, avro(READING)))
    events, rejects = decode(found, framed(8, avro(READING)))

    assert (len(events), rejects) == (1, [])


@pytest.mark.parametrize(
    "schema",
    ["{", '"nothing"', '{"type":"record"}', '{"type":"record","name":"A","fields":7}'],
)
def test_a_schema_that_is_nonsense_is_a_reject(odd: Any, schema: str) -> None:
    odd.answers = [(200, json.dumps({"schema": schema}).encode())]

    events, rejects = decode(decoder("avro", odd.url), *[framed(7, avro(READING))] * 2)

    assert events == []
    assert [r.reason for r in rejects] == [RejectReason.UNKNOWN_SCHEMA] * 2
    assert len(odd.asked) == 1


def test_an_unknown_id_is_asked_for_twice_and_then_not_for_a_while(odd: Any) -> None:
    odd.answers = [(404, b'{"error_code":40403,"message":"none"}')]
    found = decoder("avro", odd.url)

    for _ in range(3):
        _, rejects = decode(found, framed(7, b"x"))

    assert [r.reason for r in rejects] == [RejectReason.UNKNOWN_SCHEMA]
    assert len(odd.asked) == 2


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({"user": "u", "password": "p"}, "Basic dTpw"),
        ({"token": "t"}, "Bearer t"),
        ({}, None),
    ],
)
def test_credentials_are_sent(odd: Any, settings: dict[str, str], sent: str | None) -> None:
    odd.answers = [GOOD]

    decode(decoder("avro", odd.url, **settings), framed(7, avro(READING)))

    assert odd.asked == [sent]


@pytest.mark.parametrize("kind", ["avro", "json_schema"])
def test_sinks_write_what_others_read_by_the_registry(url: str, kind: str) -> None:
    chosen = SinkFormat.model_validate({kind: {"registry": {"url": url}}})
    encoder = Encoder("anomalies", f"out-{kind}", "p", chosen, False)
    document = real_documents()[0]
    encoder.open()

    record = encoder.encoded(Record(b"a", json.dumps(document).encode(), (), 0, "1"))

    context = SerializationContext(f"out-{kind}", MessageField.VALUE)
    with closing(SchemaRegistryClient({"url": url, "timeout": 60})) as client:
        if kind == "avro":
            # Its default asks for associations, an endpoint that not each registry has.
            by_topic = {"subject.name.strategy": topic_subject_name_strategy}
            found = AvroDeserializer(client, conf=by_topic)(record.value, context)
            assert isinstance(found, dict)
            assert (found["id"], found["values"][0]["name"]) == (
                document["id"],
                document["values"][0]["name"],
            )
        assert client.get_latest_version(f"out-{kind}-value").schema is not None
    reader = Avro(Avro.Settings.model_validate({"registry": {"url": url}}), frozenset())
    if kind == "json_schema":
        assert json.loads((record.value or b"")[5:]) == document
    else:
        assert reader.decode(record.value or b"", ())["summary"] == document["summary"]


def test_a_schema_that_is_not_registered_is_refused_where_it_should_be(url: str) -> None:
    asked = {"avro": {"registry": {"url": url}, "auto_register": False}}
    encoder = Encoder("scores", "nowhere", "p", SinkFormat.model_validate(asked), False)

    with pytest.raises(ConnectorError, match="register the schema, or set auto_register"):
        encoder.check()


def test_a_second_registry_runs_beside_the_first(url: str) -> None:
    with schema_registry() as other, urlopen(f"{other}/subjects", timeout=60) as found:
        assert (other != url, json.loads(found.read())) == (True, [])
