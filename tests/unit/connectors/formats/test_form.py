"""Form data, as weather stations send it."""

from __future__ import annotations

import pytest

from engine.domain.reject import RejectReason
from tests.unit.connectors.formats.format_case import decode, entities

EVENT = """
format: form
key: PASSKEY
time: {path: dateutc, format: iso8601}
values: {temp: tempf, humidity: {path: humidity, optional: true}}
"""
READING = "PASSKEY=0042&dateutc=2024-01-01+00:00:00&tempf=66.0&humidity=72&model=GW1000_Pro"


@pytest.mark.parametrize(
    "text",
    [
        READING,
        f"&{READING}&",
        f"/data/report/?{READING}",
        "https://example.org/report?" + READING.replace(":", "%3A").replace("+", "%20"),
    ],
    ids=["a body", "with separators at its ends", "with a path", "a URL"],
)
def test_the_fields_of_a_form_are_read(text: str) -> None:
    events, rejects = decode(EVENT, text.encode())

    assert (entities(events), rejects) == ([("0042", 66.0)], [])
    assert events.values[0].tolist() == [66.0, 72.0]
    assert events.times.tolist() == [1_704_067_200_000_000_000]


def test_an_empty_field_is_a_gap_if_the_file_says_so() -> None:
    text = EVENT.replace("optional: true", 'as: number, missing: [""]')

    events, rejects = decode(text, READING.replace("humidity=72", "humidity=").encode())

    assert (str(events.values[0].tolist()), rejects) == ("[66.0, nan]", [])


@pytest.mark.parametrize("payload", [b"hello", b"{}", b"\xff", b"a=1&b", b"a=1&" * 2_000])
def test_what_is_no_form_is_rejected(payload: bytes) -> None:
    _, rejects = decode(EVENT, payload)

    assert [reject.reason for reject in rejects] == [RejectReason.BAD_FORMAT]
