"""Stories: incidents of several entities of a group that overlap in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.domain.incident import IncidentEvent, Story


@dataclass(slots=True)
class OpenStory:
    """A story with an open incident.

    Attributes:
        story: as it is published.
        score, p_value: of its strongest incident.
        open: how many of its incidents are open.
    """

    story: dict[str, Any]
    score: float
    p_value: float
    open: int


class Stories:
    """The stories of one task.

    Args:
        part: number of the key's part that the entities of a group have in common; None: no
            stories.
    """

    def __init__(self, part: int | None) -> None:
        self._part = part
        self._open: dict[str, OpenStory] = {}

    def open(self, incident: IncidentEvent) -> None:
        """Add an incident that opens."""
        group = self._group(incident.entity)
        if group is None:
            return
        peak = incident.peak
        found = self._open.get(group)
        if found is None:
            first = incident.id
            story = Story(first, group, first, incident.entity, first, 0)
            found = OpenStory(asdict(story), peak.score, peak.p_value, 0)
            self._open[group] = found
        found.story["incidents"] += 1
        found.open += 1
        self.rise(incident)

    def rise(self, incident: IncidentEvent) -> None:
        """Update the peak of a story by that of an incident."""
        found = self._of(incident)
        peak = incident.peak
        if found and (peak.score, -peak.p_value) > (found.score, -found.p_value):
            found.story["strongest"] = incident.id
            found.score, found.p_value = peak.score, peak.p_value

    def close(self, incident: IncidentEvent) -> None:
        """Remove an incident that closes; the last one of a story ends it."""
        if found := self._of(incident):
            found.open -= 1
            if not found.open:
                del self._open[found.story["group"]]

    def of(self, incident: IncidentEvent) -> Story | None:
        """Return the story of an open incident, as it is now."""
        found = self._of(incident)
        return Story(**found.story) if found else None

    def dump(self) -> Mapping[str, object]:
        """Return the open stories as plain data."""
        return {group: asdict(story) for group, story in self._open.items()}

    def load(self, stored: Mapping[str, Any]) -> None:
        """Restore what `dump` returned."""
        self._open = {group: OpenStory(**story) for group, story in stored.items()}

    def _of(self, incident: IncidentEvent) -> OpenStory | None:
        group = self._group(incident.entity)
        return None if group is None else self._open.get(group)

    def _group(self, entity: str) -> str | None:
        if self._part is None:
            return None
        parts = entity.split("/")
        return parts[self._part] if self._part < len(parts) else None
