"""Message keys and constants as entities."""

from __future__ import annotations

import orjson
import pytest

from engine.domain.mapping import (
    LONGEST_KEY_CHARS,
    Constant,
    EventMapping,
    MessageKey,
    TimeField,
    ValueField,
)
from engine.domain.reject import RejectReason
from operators.decode.decoder import Decoder
from tests.unit.operators.decode.step_case import NOW, raw


def test_the_message_key_can_be_the_entity() -> None:
    mapping = EventMapping((), TimeField(), (ValueField("a", ("a",)),))
    batch = raw(b'{"a":1}', b'{"a":2}', b'{"a":3}', keys=[b"k", None, b"\xff"])
    events, rejects = Decoder(mapping).decode([batch])

    assert events.keys.tolist() == ["k"]
    assert events.times.tolist() == [NOW]
    assert [r.reason for r in rejects] == [RejectReason.MISSING_KEY, RejectReason.BINARY_KEY]


@pytest.mark.parametrize("key", ["", "sensor"])
def test_a_key_too_long_for_a_name_is_rejected(key: str) -> None:
    mapping = EventMapping(((key,),) if key else (), TimeField(), (ValueField("a", ("a",)),))
    names = ["k" * length for length in (LONGEST_KEY_CHARS, LONGEST_KEY_CHARS + 1)]
    values = [orjson.dumps({"sensor": name, "a": 1}) for name in names]
    events, rejects = Decoder(mapping).decode([raw(*values, keys=[n.encode() for n in names])])

    assert events.keys.tolist() == names[:1]
    assert [(reject.reason, reject.detail) for reject in rejects] == [
        (
            RejectReason.TOO_LARGE,
            "the entity's key has 4097 characters, at most 4096 allowed",
        )
    ]


NUMBERED = [7, 65, 127, 128, 300, 10**12]


@pytest.mark.parametrize(
    ("kind", "keys", "expected"),
    [
        ("int64", [n.to_bytes(8, "big") for n in NUMBERED], list(map(str, NUMBERED))),
        ("int32", [(-5).to_bytes(4, "big", signed=True)], ["-5"]),
        ("int16", [b"\x01\x00"], ["256"]),
        ("uuid", [bytes(range(16))], ["00010203-0405-0607-0809-0a0b0c0d0e0f"]),
        ("hex", [b"\xff\x00"], ["ff00"]),
        ("string", ["größe".encode()], ["größe"]),
    ],
)
def test_a_message_key_is_read_as_the_file_says(kind, keys, expected) -> None:
    mapping = EventMapping((MessageKey(kind),), TimeField(), (ValueField("a", ("a",)),))

    events, rejects = Decoder(mapping).decode([raw(*[b'{"a":1}'] * len(keys), keys=keys)])

    assert rejects == []
    assert events.keys.tolist() == expected


def test_binary_keys_are_all_rejected_with_advice_unless_their_format_is_said() -> None:
    mapping = EventMapping((), TimeField(), (ValueField("a", ("a",)),))
    keys: list[bytes | None] = [n.to_bytes(8, "big") for n in NUMBERED]

    events, rejects = Decoder(mapping).decode([raw(*[b'{"a":1}'] * len(keys), keys=keys)])

    assert len(events) == 0
    assert {reject.reason for reject in rejects} == {RejectReason.BINARY_KEY}
    assert "set event.key to {message: int64}, which reads 65" in rejects[1].detail


def test_a_key_of_another_size_than_its_format_is_rejected() -> None:
    mapping = EventMapping((MessageKey("int64"),), TimeField(), (ValueField("a", ("a",)),))

    _, (reject,) = Decoder(mapping).decode([raw(b'{"a":1}', keys=[b"1234"])])

    assert reject.reason is RejectReason.BINARY_KEY
    assert reject.detail == "the message key has 4 bytes, expected 8: int64"


def test_a_constant_names_the_only_entity() -> None:
    mapping = EventMapping((Constant("plant"), ("s",)), TimeField(), (ValueField("a", ("a",)),))

    events, _ = Decoder(mapping).decode([raw(b'{"a":1,"s":7}')])

    assert events.keys.tolist() == ["plant/7"]
