"""Outages of a topic: the absences of its partitions have one story.

Partitions exchange nothing, so that the same messages give the same results whatever processes read
them. What the incidents of an outage have in common follows from each of them alone: the pipeline,
the topic, and the hour of event time in which they begin.

No rule of this kind is without an edge: one that gives equal stories to all times that are near
each other gives one to all times. The edges lie away from full hours, halves and quarters, at which
planned outages begin; absences are found some minutes after that.
"""

from __future__ import annotations

from hashlib import blake2b

from engine.domain.incident import IncidentEvent, Story
from engine.domain.time_units import NS_PER_HOUR

EDGE_NS = NS_PER_HOUR * 5 // 8
"""Past the full hour, at 37.5 minutes: the middle between a half and a quarter."""


def outage_of(incident: IncidentEvent) -> Story | None:
    """Return the story of an incident that is the absence of a whole partition; else None.

    Its root and its strongest incident are the incident itself: the others are not known here.
    """
    origin = incident.first_origin
    if incident.entity != f"{origin.topic}/{origin.partition}":
        return None
    parts = incident.pipeline, origin.topic, str((incident.began - EDGE_NS) // NS_PER_HOUR)
    own = blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
    return Story(own, origin.topic, incident.id, incident.entity, incident.id, 1)
