"""Figures: what a benchmark found, written into `bench/figures` by the program that found it."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "figures"
WRITE = "--write"


def arguments() -> list[int]:
    """Return the numbers on the command line."""
    return [int(word) for word in sys.argv[1:] if word != WRITE]


def report(name: str, about: str, found: Mapping[str, Any]) -> None:
    """Print what was found; with --write keep it as a page.

    Args:
        name: of the module in `bench`.
        about: what was measured, a sentence.
        found: the figures.
    """
    text = json.dumps(found, indent=2)
    print(text, flush=True)
    if WRITE not in sys.argv:
        return
    words = " ".join(word for word in sys.argv[1:] if word != WRITE)
    load = os.getloadavg()[2]
    machine = f"{len(os.sched_getaffinity(os.getppid()))} cores, Python {platform.python_version()}"
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.md").write_text(
        f"# {name}\n\n{about}\n\n"
        f"`python -m bench.{name} {words}`, {datetime.now(UTC):%Y-%m-%d}, {machine}; the load of "
        f"the last 15 minutes, this program's included, was {load:.1f}.\n\n```json\n{text}\n```\n"
    )
