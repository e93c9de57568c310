"""Fields of a state before a change, beside those of the state after it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.domain.path import Path, Step
from engine.domain.suggestion.fields import Field

AFTER = {"before": "after", "old": "new", "previous": "current", "prev": "current"}
_BEFORE = re.compile(r"^(before|old|previous|prev)(?=$|[_.A-Z-])", re.IGNORECASE)


def current(fields: Mapping[Path, Field]) -> dict[Path, Field]:
    """Return the fields without those of the state before, where the state after is there too."""
    steps = {path[: length + 1] for path in fields for length in range(len(path))}

    def is_former(path: Path) -> bool:
        return any(
            (*path[:level], _after(step)) in steps
            for level, step in enumerate(path)
            if isinstance(step, str) and _after(step) != step
        )

    return {path: field for path, field in fields.items() if not is_former(path)}


def _after(step: Step) -> Step:
    """Return the name of the state after for one before: `new_state` for `old_state`."""
    found = _BEFORE.match(step) if isinstance(step, str) else None
    if found is None or not isinstance(step, str):
        return step
    word = AFTER[found[0].lower()]
    return (word.title() if found[0][0].isupper() else word) + step[found.end() :]
