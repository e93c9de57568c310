"""Stories: incidents of several entities of a group that overlap in time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.domain.incident import IncidentEvent, Story
from operators.alert.topic_outages import outage_of


@dataclass(slots=True)
class OpenStory:
    """A story with an open incident.

    Attributes:
        story: as it is published.
        score, p_value: of its strongest incident.
        open: ids of its open incidents.
    """

    story: dict[str, Any]
    score: float
    p_value: float
    open: list[str]


class Stories:
    """The stories of one task.

    Args:
        part: number of the key's part that the entities of a group have in common; None: no
            stories.
    """

    def __init__(self, part: int | None) -> None:
        self._part = part
        self._open: dict[str, list[OpenStory]] = {}

    def open(self, incident: IncidentEvent, drawing: Collection[str]) -> None:
        """Add an incident that opens.

        Args:
            incident: its event.
            drawing: ids of the open incidents whose stories it may join.
        """
        group = self._group(incident.entity)
        if group is None or outage_of(incident) is not None:
            return
        peak = incident.peak
        stories = self._open.setdefault(group, [])
        if not stories or not any(one in drawing for one in stories[-1].open):
            first = incident.id
            story = Story(first, group, first, incident.entity, first, 0)
            stories.append(OpenStory(asdict(story), peak.score, peak.p_value, []))
        newest = stories[-1]
        newest.story["incidents"] += 1
        newest.open.append(incident.id)
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
            found.open.remove(incident.id)
            if not found.open:
                group = found.story["group"]
                self._open[group].remove(found)
                if not self._open[group]:
                    del self._open[group]

    def of(self, incident: IncidentEvent) -> Story | None:
        """Return the story of an open incident, as it is now."""
        if (outage := outage_of(incident)) is not None:
            return outage
        found = self._of(incident)
        return Story(**found.story) if found else None

    def dump(self) -> Mapping[str, object]:
        """Return the open stories as plain data."""
        return {group: [asdict(one) for one in stories] for group, stories in self._open.items()}

    def load(self, stored: Mapping[str, Any], incidents: Iterable[IncidentEvent]) -> None:
        """Restore what `dump` returned.

        Args:
            stored: it. Earlier releases had one story a group, and the number of its incidents.
            incidents: all that are open.
        """
        ids: dict[str | None, list[str]] = {}
        for one in incidents:
            ids.setdefault(self._group(one.entity), []).append(one.id)
        self._open = {}
        for group, found in stored.items():
            stories = found if isinstance(found, list) else [found | {"open": ids.get(group, [])}]
            self._open[group] = [OpenStory(**story) for story in stories]

    def _of(self, incident: IncidentEvent) -> OpenStory | None:
        group = self._group(incident.entity)
        stories = [] if group is None else self._open.get(group, [])
        return next((story for story in stories if incident.id in story.open), None)

    def _group(self, entity: str) -> str | None:
        if self._part is None:
            return None
        parts = entity.split("/")
        return parts[self._part] if self._part < len(parts) else None
