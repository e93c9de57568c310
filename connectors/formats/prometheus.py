"""Prometheus remote write: series of samples, in Protobuf, packed with Snappy."""

from __future__ import annotations

from typing import Any

import cramjam

from connectors.formats.binary import NoSettings
from connectors.formats.wire import double, fields, inner, signed, text, varint
from engine.domain.batch import Headers
from engine.domain.format import FormatError

SERIES, LABELS, SAMPLES = 1, 1, 2
LARGEST_BYTES = 64 * 2**20
"""Bytes that a payload may unpack to."""


class PrometheusRemoteWrite:
    """The plug-in behind `format: prometheus`: each sample is an event."""

    Settings = NoSettings
    name = "prometheus"
    many = True

    def __init__(self, settings: NoSettings, text_fields: frozenset[str]) -> None:
        pass

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return name, labels, value and timestamp in ms of each sample."""
        found: list[dict[str, Any]] = []
        for number, _, series in fields(_unpacked(payload)):
            if number == SERIES:
                found += _samples(inner(series))
        return found


def _unpacked(payload: bytes) -> bytes:
    size, _ = varint(payload, 0)
    if size > LARGEST_BYTES:
        raise FormatError(f"the payload unpacks to {size} bytes, at most {LARGEST_BYTES} allowed")
    try:
        return bytes(cramjam.snappy.decompress_raw(payload))
    except cramjam.DecompressionError as error:
        raise FormatError(f"the payload is not packed with Snappy: {error}") from None


def _samples(series: bytes) -> list[dict[str, Any]]:
    labels: dict[str, str] = {}
    samples: list[tuple[float, int]] = []
    for number, _, value in fields(series):
        if number == LABELS:
            parts = {n: text(part) for n, _, part in fields(inner(value))}
            labels[parts.get(1, "")] = parts.get(2, "")
        elif number == SAMPLES:
            sample = {n: part for n, _, part in fields(inner(value))}
            stamp = signed(sample.get(2, 0))
            samples.append((double(sample.get(1, bytes(8))), stamp))
    name = labels.pop("__name__", "")
    return [
        {"name": name, "labels": labels, "value": value, "timestamp": stamp}
        for value, stamp in samples
    ]
