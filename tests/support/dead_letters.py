"""Dead letters as the file sink writes them, for tests of what reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path


def write_letters(file: Path, values: Iterable[tuple[str, str, str]]) -> None:
    """Write dead letters to a file, given by reason, detail and payload."""
    with file.open("w") as lines:
        for number, (reason, detail, value) in enumerate(values):
            letter = {
                "id": f"{number:032x}",
                "reason": reason,
                "detail": detail,
                "topic": "readings",
                "partition": 0,
                "offset": number,
                "timestamp": 1_767_225_600_000_000_000,
                "key": None,
                "value": value,
                "headers": {},
            }
            lines.write(json.dumps(letter) + "\n")
