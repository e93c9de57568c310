"""Messages of Sparkplug B as two of its libraries wrote them."""

from __future__ import annotations

from tests.unit.connectors.formats.format_case import TS, decode

TAHU = bytes.fromhex(
    "0880e8c792cc3112210a144e6f646520436f6e74726f6c2f526562697274681880e8c792cc31200b7000121d0a0b"
    "74656d706572617475726510011880e8c792cc312009650000a44112160a05636f756e741880e8c792cc31200350"
    "fbffffff0f121b0a05746f74616c1880e8c792cc31200858ffffffffffffffffff0112190a056c6576656c18f4eb"
    "c792cc31200a690000000000000a4012190a0573746174651880e8c792cc31200c7a0772756e6e696e6712140a07"
    "6d697373696e671880e8c792cc31200a380112140a0261741880e8c792cc31200d5880e8c792cc3112160a057368"
    "6f72741880e8c792cc31200250f9ffffff0f1803"
)
"""A birth by sparkplug-payload 1.0.3, Eclipse Tahu's library for JavaScript: metrics with types."""
PYSPARKPLUG = bytes.fromhex(
    "0880e8c792cc31121b0a0b74656d706572617475726510011880e8c792cc31650000a44112140a05636f756e7418"
    "80e8c792cc3150fbffffff0f121410071880e8c792cc3158ffffffffffffffffff01120d0a026f6e1880e8c792cc"
    "317001120e0a036761701880e8c792cc31380112110a0573686f72741880e8c792cc3150fd011804"
)
"""Data of a device by pysparkplug 0.3.2: the types are in the birth alone."""
EVENT = """
format: sparkplug
key: {const: device}
time: {path: timestamp, unit: ms}
"""


def test_metrics_with_their_types_are_read_by_name() -> None:
    text = """
values:
  temperature: "metrics[name=temperature].value"
  count: "metrics[name=count].value"
  total: "metrics[name=total].value"
  level: "metrics[name=level].value"
  rebirth: "metrics[name=Node Control/Rebirth].value"
  short: "metrics[name=short].value"
  missing: {path: "metrics[name=missing].value", optional: true}
"""

    events, rejects = decode(EVENT + text, TAHU)

    assert rejects == []
    assert events.times.tolist() == [TS * 1_000_000]
    assert events.values[0, :6].tolist() == [20.5, -5.0, 2.0**64, 3.25, 0.0, -7.0]
    assert str(events.values[0, 6]) == "nan"


def test_metrics_without_their_types_are_signed_if_the_file_says_so() -> None:
    text = """
values:
  temperature: "metrics[name=temperature].value"
  count: {path: "metrics[name=count].value", as: int32}
  short: {path: "metrics[name=short].value", as: int8}
  seventh: {path: "metrics[alias=7].value", as: int64}
  on: "metrics[name=on].value"
  gap: {path: "metrics[name=gap].value", optional: true}
"""

    events, rejects = decode(EVENT + text, PYSPARKPLUG)

    assert rejects == []
    assert events.values[0, :5].tolist() == [20.5, -5.0, -3.0, -1.0, 1.0]
    assert str(events.values[0, 5]) == "nan"


def test_each_metric_of_a_message_can_be_an_event() -> None:
    text = "explode: metrics\nwhere: {path: metrics.datatype, in: [9, 10]}\n" + EVENT.replace(
        "{const: device}", "metrics.name"
    )

    events, rejects = decode(f"{text}values: {{v: {{path: metrics.value, optional: true}}}}", TAHU)

    assert rejects == []
    assert events.keys.tolist() == ["temperature", "level", "missing"]
