"""Times as texts that ISO 8601 does not know, and what is suggested for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.connectors.formats.format_case import decode
from tests.unit.domain.suggestion.suggesting import suggested

BEGIN = 1_764_496_800_000_000_000
"""2025-11-30 10:00 UTC."""


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2025/11/30T10:{:02}:00z", "%Y/%m/%dT%H:%M:%Sz"),
        ("2025/11/30T10:{:02}:00Z", "%Y/%m/%dT%H:%M:%S%z"),
        ("2025/11/30 11:{:02}:00 +0100", "%Y/%m/%d %H:%M:%S %z"),
        ("30.11.2025T10:{:02}:00", "%d.%m.%YT%H:%M:%S"),
        ("30.11.2025 10:{:02}:00 UTC", "%d.%m.%Y %H:%M:%S UTC"),
        ("11/30/2025 10:{:02}:00 AM +00:00", "%m/%d/%Y %I:%M:%S %p %z"),
        ("11/30/2025 10:{:02}:00.250 GMT", "%m/%d/%Y %H:%M:%S.%f GMT"),
    ],
)
def test_a_format_reads_them(text: str, form: str) -> None:
    messages = [{"device": f"d{n % 3}", "when": text.format(n), "v": n % 7} for n in range(24)]

    event: Any = suggested(messages)
    events, rejects = decode(json.dumps(event), *(json.dumps(one).encode() for one in messages))

    assert event["time"] == {"path": "when", "format": form}
    assert not rejects
    seconds = 0.25 if ".250" in text else 0.0
    assert events.times.tolist() == [BEGIN + round((n * 60 + seconds) * 10**9) for n in range(24)]
