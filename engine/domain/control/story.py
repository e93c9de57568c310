"""The story of an incident, as pipelines publish it."""

from __future__ import annotations

from engine.domain.control.published import (
    Document,
    UnreadableRecordError,
    id_of,
    integer_of,
    text_of,
)
from engine.domain.incident import Story


def story_of(document: Document) -> Story | None:
    """Return the story in a record of the sink `incidents`; None if it belongs to none.

    Raises:
        UnreadableRecordError: it is none as pipelines publish them.
    """
    found = document.get("story")
    if found is None:
        return None
    if not isinstance(found, dict):
        raise UnreadableRecordError("story: expected an object")
    return Story(
        id=id_of(found),
        group=text_of(found, "group"),
        root=id_of(found, "root"),
        root_entity=text_of(found, "root_entity"),
        strongest=id_of(found, "strongest"),
        incidents=integer_of(found, "incidents"),
    )
