"""Formats of message keys."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine.domain.batch import RawBatch
from engine.domain.reject import Reject, RejectReason
from tests.unit.connectors.formats.format_case import (
    NOW,
    decoder,
)


def keyed(part: str, *keys: bytes) -> tuple[list[str], list[Reject]]:
    n = len(keys)
    batch = RawBatch("t", 0, np.arange(n), np.full(n, NOW), [b'{"v":1}'] * n, keys)
    events, rejects = decoder(f"key: {part}\nvalues: [v]").decode([batch])
    return events.keys.tolist(), rejects


AVRO_KEY = json.dumps({"type": "record", "name": "K", "fields": [{"name": "id", "type": "int"}]})


@pytest.mark.parametrize(
    ("part", "key", "expected"),
    [
        (f"{{message: {{avro: {{schema_text: {json.dumps(AVRO_KEY)}}}}}}}", b"\x0e", "7"),
        (f"{{message: {{avro: {{schema_text: {json.dumps(AVRO_KEY)}}}}}, path: id}}", b"\x0e", "7"),
        ("{message: {avro: {schema_text: '\"string\"'}}}", b"\x02a", "a"),
        ("{message: json, path: a.id}", b'{"a":{"id":"x"},"b":1}', "x"),
        ("{message: json}", b'"x"', "x"),
        # Debezium's key with its schema.
        ("{message: connect}", b'{"schema":{"type":"struct"},"payload":{"id":7}}', "7"),
    ],
)
def test_keys_have_formats_too(part: str, key: bytes, expected: str) -> None:
    keys, rejects = keyed(part, key, key)

    assert (keys, rejects) == ([expected] * 2, [])


def test_a_key_of_another_format_is_a_reject_that_says_so() -> None:
    _, rejects = keyed("{message: json}", b'{"a":1,"b":2}', b"\xff", b'{"a":[]}')

    assert [r.reason for r in rejects] == [RejectReason.BINARY_KEY] * 3
    assert "set path beside message" in rejects[0].detail
    assert "the message key: not JSON" in rejects[1].detail
