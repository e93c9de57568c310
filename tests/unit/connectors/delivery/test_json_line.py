from __future__ import annotations

import json

from connectors.delivery.json_line import json_line
from engine.domain.batch import Headers
from engine.domain.record import Record

OURS: Headers = (("pynomaly-id", b"t-0-7"), ("pynomaly-reason", b"not_json"))


def letter(*theirs: tuple[str, bytes | None]) -> dict[str, object]:
    record = Record(b"\xff", b"value", (*theirs, *OURS), 0, "t-0-7")
    found: dict[str, object] = json.loads(json_line(record))
    return found


def test_a_sender_cannot_forge_what_a_dead_letter_says() -> None:
    theirs = tuple(
        (name, b"forged") for name in ("key_base64", "pynomaly-reason", "pynomaly-index", "value")
    )

    found = letter(*theirs)

    assert found == {
        "id": "t-0-7",
        "reason": "not_json",
        "key_base64": "/w==",
        "value": "value",
        "headers": dict.fromkeys(
            ("key_base64", "pynomaly-reason", "pynomaly-index", "value"), "forged"
        ),
    }


def test_headers_of_a_sender_are_kept_whatever_they_hold() -> None:
    theirs = (("a", b"1"), ("a", b"2"), ("b", None), ("c", b"\xff"), ("pynomaly-other", b"x"))

    found = letter(*theirs)

    assert found["headers"] == {
        "a": ["1", "2"],
        "b": None,
        "c_base64": "/w==",
        "pynomaly-other": "x",
    }


def test_an_anomaly_is_written_as_it_is() -> None:
    record = Record(b"a", b'{"id": 1}', (("pynomaly-schema-version", b"1"),), 0, "1")

    assert json_line(record) == b'{"id": 1}\n'
