"""Prometheus remote write, 1.0 and 2.0: series of samples, in Protobuf, packed with Snappy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cramjam

from connectors.formats.binary import NoSettings
from connectors.formats.wire import Value, double, fields, inner, signed, text, varint
from engine.domain.batch import Headers
from engine.domain.format import FormatError

SERIES_1, SYMBOLS_2, SERIES_2 = 1, 4, 5
"""Fields of the request: of 1.0 and of 2.0, which share none."""
LABELS, SAMPLES = 1, 2
HISTOGRAMS = {SERIES_1: 4, SERIES_2: 3}
COUNT, FLOAT_COUNT, SUM, HISTOGRAM_TIME = 1, 2, 3, 15
LARGEST_BYTES = 64 * 2**20
"""Bytes that a payload may unpack to."""
MOST_PARTS = 2**18
"""Series, symbols or samples of a payload: a hundred times what senders put into a request."""
STALE = bytes.fromhex("020000000000f07f")
"""The number, a NaN of its own, that says that a series has ended."""

Labels = dict[str, str]
Sample = dict[str, Any]


class PrometheusRemoteWrite:
    """The plug-in behind `format: prometheus`: each sample is an event.

    Markers of staleness are not samples and are left out.
    """

    Settings = NoSettings
    name = "prometheus"
    many = True

    def __init__(self, settings: NoSettings, text_fields: frozenset[str]) -> None:
        pass

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return name, labels, value and timestamp in ms of each sample.

        The value of a native histogram is its mean; `count` and `sum` are beside it.
        """
        symbols: list[str] = []
        series: list[tuple[int, bytes]] = []
        for number, _, value in fields(_unpacked(payload)):
            if number == SYMBOLS_2:
                symbols.append(text(value))
            elif number in (SERIES_1, SERIES_2):
                series.append((number, inner(value)))
            _check_count(len(symbols) + len(series))

        def of_symbols(labels: list[Value]) -> Labels:
            return _of_symbols(labels, symbols)

        found: list[Sample] = []
        for number, data in series:
            read = _named if number == SERIES_1 else of_symbols
            found += _samples(data, HISTOGRAMS[number], read)
            _check_count(len(found))
        return found


def _unpacked(payload: bytes) -> bytes:
    size, _ = varint(payload, 0)
    if size > LARGEST_BYTES:
        raise FormatError(f"the payload unpacks to {size} bytes, at most {LARGEST_BYTES} allowed")
    try:
        return bytes(cramjam.snappy.decompress_raw(payload))
    except cramjam.DecompressionError as error:
        raise FormatError(f"the payload is not packed with Snappy: {error}") from None


def _check_count(count: int) -> None:
    if count > MOST_PARTS:
        raise FormatError(f"the payload unpacks to more than {MOST_PARTS} series or samples")


def _samples(
    series: bytes, histograms: int, read_labels: Callable[[list[Value]], Labels]
) -> Iterator[Sample]:
    given: list[Value] = []
    samples: list[Sample] = []
    for number, _, value in fields(series):
        if number == LABELS:
            given.append(value)
        elif number in (SAMPLES, histograms):
            found = (_sample if number == SAMPLES else _histogram)(inner(value))
            if found is not None:
                samples.append(found)
        _check_count(len(given) + len(samples))
    labels = read_labels(given)
    name = labels.pop("__name__", "")
    return ({"name": name, "labels": labels, **sample} for sample in samples)


def _sample(data: bytes) -> Sample | None:
    found = {number: value for number, _, value in fields(data)}
    value = found.get(1, bytes(8))
    if value == STALE:
        return None
    return {"value": double(value), "timestamp": signed(found.get(2, 0))}


def _histogram(data: bytes) -> Sample | None:
    found = {number: value for number, _, value in fields(data)}
    total = found.get(SUM, bytes(8))
    if total == STALE:
        return None
    whole = found.get(FLOAT_COUNT)
    count = signed(found.get(COUNT, 0)) if whole is None else double(whole)
    mean = double(total) / count if count else None
    stamp = signed(found.get(HISTOGRAM_TIME, 0))
    return {"value": mean, "count": count, "sum": double(total), "timestamp": stamp}


def _named(labels: list[Value]) -> Labels:
    found: Labels = {}
    for label in labels:
        parts = {number: text(part) for number, _, part in fields(inner(label))}
        found[parts.get(1, "")] = parts.get(2, "")
    return found


def _of_symbols(labels: list[Value], symbols: list[str]) -> Labels:
    """Return labels that are pairs of numbers of symbols, packed or one by one."""
    numbers: list[int] = []
    for label in labels:
        if isinstance(label, int):
            numbers.append(label)
            continue
        place = 0
        while place < len(label):
            number, place = varint(label, place)
            numbers.append(number)
    if len(numbers) % 2 or any(number >= len(symbols) for number in numbers):
        raise FormatError("the payload is not remote write 2.0: its labels point at no symbols")
    texts = [symbols[number] for number in numbers]
    return dict(zip(texts[::2], texts[1::2], strict=True))
