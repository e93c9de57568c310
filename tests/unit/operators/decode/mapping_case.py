"""Decodes documents by the `event` part of a pipeline file, for tests."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson

from engine.application.config.document import read
from engine.application.config.event import EventSpec
from engine.domain.batch import EventBatch, RawBatch
from engine.domain.reject import Reject
from operators.decode.decoder import Decoder

NOW = 1_767_225_600_000_000_000
TS = 1_704_067_200_000


def decoder(text: str) -> Decoder:
    return Decoder(EventSpec.model_validate(read(text, {}).data).mapping(), clock=lambda: NOW)


def batch(*documents: Any, stamp: int = NOW) -> RawBatch:
    values = [d if d is None or isinstance(d, bytes) else orjson.dumps(d) for d in documents]
    n = len(values)
    return RawBatch("t", 0, np.arange(n), np.full(n, stamp), values, [b"k"] * n)


def decode(text: str, *documents: Any) -> tuple[EventBatch, list[Reject]]:
    return decoder(text).decode([batch(*documents)])


def rows(events: EventBatch) -> list[tuple[Any, ...]]:
    values = [tuple(None if math.isnan(v) else v for v in row) for row in events.values.tolist()]
    return [(key, *row) for key, row in zip(events.keys.tolist(), values, strict=True)]


def port(name: str, octets: Any) -> dict[str, Any]:
    return {"ts": TS, "tags": {"port": name}, "values": {"octets": octets}}


INNER = """
explode: metrics
key: [device, metrics.tags.port]
time: {path: metrics.ts, unit: ms}
values: {octets: metrics.values.octets}
"""
