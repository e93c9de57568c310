"""What is suggested for messages."""

from __future__ import annotations

from typing import Any

from engine.domain.suggestion.mapping import suggested_mapping


def suggested(documents: list[Any], **given: Any) -> dict[str, Any]:
    """Return the mapping of the events."""
    found = suggested_mapping(documents, **given)
    assert found is not None
    return dict(found.event)


def notes(documents: list[Any]) -> str:
    """Return the notes, a line each."""
    found = suggested_mapping(documents)
    assert found is not None
    return "\n".join(found.notes)
