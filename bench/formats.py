"""`python -m bench.formats`: events a second of decoding, by format, and of exploded messages.

The same fields of the same events: JSON, Avro and Protobuf with a schema registry; and 50 events
in a message beside the same events one by one. Decoding alone is timed, without the detectors.
"""

from __future__ import annotations

import argparse
import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fastavro
import numpy as np
import orjson

from engine.application.config.document import read
from engine.application.config.event import EventSpec
from engine.domain.batch import RawBatch
from operators.decode.decoder import Decoder

START = 1_704_067_200_000
BATCH, ELEMENTS = 10_000, 50
FLAT = "key: sensor\ntime: {path: ts, unit: ms}\nvalues: [temp, humidity, pressure]\n"
EXPLODED = """
explode: readings
key: [site, readings.sensor]
time: {path: readings.ts, unit: ms}
values: [readings.temp, readings.humidity, readings.pressure]
"""
ALONE = FLAT.replace("key: sensor", "key: [site, sensor]")
ALSO_AN_ELEMENT = 'where: {not: {path: "levels[0]", exists: true}}'
"""A path that no column is read of: messages are decoded one by one."""
FIELDS = [
    {"name": "sensor", "type": "string"},
    {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "temp", "type": "double"},
    {"name": "humidity", "type": ["null", "double"], "default": None},
    {"name": "pressure", "type": "double"},
    {"name": "status", "type": "string"},
]
AVRO = {"type": "record", "name": "Reading", "fields": FIELDS}
PROTOBUF = """
syntax = "proto3";
message Reading {
  string sensor = 1;
  int64 ts = 2;
  double temp = 3;
  optional double humidity = 4;
  double pressure = 5;
  string status = 6;
}
"""
Event = dict[str, str | int | float]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.formats", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args(arguments).rounds
    events = [_event(number) for number in range(BATCH)]
    with _registry() as url:
        registry = f"{{registry: {{url: '{url}'}}}}"
        flat = {
            "json": (FLAT, [orjson.dumps(event) for event in events]),
            "avro": (f"format: {{avro: {registry}}}\n{FLAT}", [*map(_avro, events)]),
            "protobuf": (f"format: {{protobuf: {registry}}}\n{FLAT}", [*map(_protobuf, events)]),
        }
        for name in ("avro", "protobuf"):
            text, payloads = flat[name]
            flat[f"{name}, one by one"] = text + ALSO_AN_ELEMENT, payloads
        _table(flat, rounds)
    sited = [{"site": "s1", **event} for event in events]
    groups = [events[first : first + ELEMENTS] for first in range(0, BATCH, ELEMENTS)]
    packed = [orjson.dumps({"site": "s1", "readings": group}) for group in groups]
    _table(
        {
            "one by one": (ALONE, [orjson.dumps(event) for event in sited]),
            f"{ELEMENTS} a message": (EXPLODED, packed),
        },
        rounds,
    )


def _table(cases: dict[str, tuple[str, list[bytes]]], rounds: int) -> None:
    decoders = {name: _decoder(text) for name, (text, _) in cases.items()}
    best = dict.fromkeys(cases, float("inf"))
    # In turns: whatever else the machine does meets all of them.
    for _ in range(rounds):
        for name, (_, payloads) in cases.items():
            best[name] = min(best[name], _seconds(decoders[name], payloads))
    first = best[next(iter(best))]
    for name, seconds in best.items():
        print(f"{name:22} {BATCH / seconds:12,.0f} events/s  {first / seconds:.2f}", flush=True)


def _decoder(text: str) -> Decoder:
    return Decoder(EventSpec.model_validate(read(text, {}).data).mapping())


def _seconds(decoder: Decoder, payloads: list[bytes]) -> float:
    n = len(payloads)
    raw = RawBatch("t", 0, np.arange(n), np.full(n, START * 1_000_000), payloads)
    began = time.perf_counter()
    found, rejects = decoder.decode([raw])
    seconds = time.perf_counter() - began
    assert (len(found), rejects) == (BATCH, [])
    return seconds


def _event(number: int) -> Event:
    values = {"temp": 20 + number / 7, "humidity": 40 + number / 9, "pressure": 1013.25}
    own: Event = {"sensor": f"sensor-{number % 500}", "ts": START + number}
    return {**own, **values, "status": "ok"}


def _avro(event: Event) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, _PARSED, event)
    return b"\0\0\0\0\1" + stream.getvalue()


_PARSED = fastavro.parse_schema(AVRO)


def _protobuf(event: Event) -> bytes:
    """Write a message as protoc's code does; the first type of its schema."""
    import struct

    def varint(number: int) -> bytes:
        found = bytearray()
        while number > 127:
            found.append(number & 127 | 128)
            number >>= 7
        return bytes([*found, number])

    body = b""
    for number, value in enumerate(event.values(), 1):
        if isinstance(value, float):
            body += varint(number << 3 | 1) + struct.pack("<d", value)
        elif isinstance(value, int):
            body += varint(number << 3) + varint(value)
        else:
            body += varint(number << 3 | 2) + varint(len(value)) + value.encode()
    return b"\0\0\0\0\2\0" + body


@contextmanager
def _registry() -> Iterator[str]:
    """Run what answers as a schema registry does: schema 1 is Avro, all else Protobuf."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = {"schema": PROTOBUF, "schemaType": "PROTOBUF"}
            if "/ids/1" in self.path:
                found = {"schema": json.dumps(AVRO)}
            body = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


if __name__ == "__main__":
    main()
