"""`pynomaly version`: the version of the engine."""

from __future__ import annotations

import engine


def version() -> None:
    """Print the version."""
    print(engine.__version__)
