"""What the group's offsets of a pipeline with state in Kafka have as metadata."""

from __future__ import annotations

from typing import Any

import orjson


def note(number: int, at: int, pipeline: str) -> str:
    """Return what is stored beside an offset: a checkpoint, its place, and whose it is."""
    return orjson.dumps({"n": number, "at": at, "by": pipeline}).decode()


def read_note(text: str | None) -> dict[str, Any]:
    """Return the metadata of an offset; empty if another application committed it."""
    try:
        found = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        return {}
    is_ours = isinstance(found, dict) and all(isinstance(found.get(k), int) for k in ("n", "at"))
    return found if is_ours else {}
