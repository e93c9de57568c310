"""Readings of a sensor in a file, for tests of what runs over them."""

from __future__ import annotations

import json
from pathlib import Path


def write_readings(file: Path) -> None:
    """Write steady readings with one spike, and a message that cannot be read."""
    values = [20 + n % 7 / 10 for n in range(2_000)]
    values[1_900] = 900
    lines = [
        json.dumps({"sensor": "pump-1", "ts": 1_767_225_600_000 + n * 60_000, "temperature": value})
        for n, value in enumerate(values)
    ]
    file.write_text("\n".join([*lines, "no json"]) + "\n")
