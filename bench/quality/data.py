"""Where the labelled data lies: `PYNOMALY_DATA` names the folder, else it is beside the project."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "PYNOMALY_DATA"
BESIDE = Path(__file__).parents[2] / "../shared/data"


def folder(name: str) -> Path | None:
    """Return the folder of one collection, None if it is absent."""
    found = Path(os.environ.get(VARIABLE) or BESIDE).resolve() / name
    return found if found.is_dir() else None
