"""Fences: where an output stood before this state first wrote to it.

A sink's snapshot says from where on its output may hold more than the state knows of. Before the
first snapshot there is none: a fence, durable before the first record leaves, stands in for it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from engine.application.state.durable import write_durably

FOLDER = "outputs"
"""Folder of the fences in the state directory."""


def fence(state: Path | None, output: str, after: Any, now: Callable[[], Any]) -> Any:
    """Return where an output stood at first, noting where it stands now if this is the first time.

    Args:
        state: the state directory; None keeps nothing.
        output: name of the output, fit for a file name.
        after: what the state knew when the output was turned to, as plain JSON; a fence that was
            set after something else is void.
        now: says where the output stands, as plain JSON.
    """
    if state is None:
        return now()
    path = state / FOLDER / f"{output}.json"
    if path.exists():
        known = orjson.loads(path.read_bytes())
        if known["after"] == after:
            return known["stood"]
    stood = now()
    path.parent.mkdir(mode=0o700, exist_ok=True)
    write_durably(path, orjson.dumps({"after": after, "stood": stood}))
    return stood
