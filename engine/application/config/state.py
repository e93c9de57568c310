"""The state of the pipeline file: where it is kept, how often, and how large it may grow."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from engine.application.config.quantity import PositiveDuration, Size
from engine.application.ports import Settings


class StateSpec(Settings):
    """Where the state is kept, how often it is stored, and how large it may grow."""

    directory: Path
    """Directory of the recovery store; .pynomaly/<name> unless given."""
    every: PositiveDuration = Field(
        default=timedelta(seconds=10), json_schema_extra={"default": "10s"}
    )
    """Time between checkpoints."""
    key_groups: int = Field(default=16, ge=1, le=4096)
    """Fixed shards of entities, the most that can work side by side; state is bound to it."""
    memory: Size = Field(default=2**30, json_schema_extra={"default": "1GiB"})
    """Hard budget for the state of all entities; idle entities are evicted first."""
