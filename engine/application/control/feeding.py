"""Publishes changes to the live feed, in the transaction that stores them."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from engine.application.control_ports import UnitOfWork
from engine.domain.control.feed import FeedChange
from engine.domain.control.incident import Incident
from engine.domain.control.stored_anomaly import StoredAnomaly


def announce(
    work: UnitOfWork,
    anomalies: Iterable[StoredAnomaly] = (),
    incidents: Iterable[Incident] = (),
) -> None:
    """Add anomalies that are new, and incidents that are new or changed, to the live feed."""
    changes = [*map(_of_anomaly, anomalies), *map(_of_incident, incidents)]
    if changes:
        work.feed.append(changes)


def _of_anomaly(one: StoredAnomaly) -> FeedChange:
    return FeedChange("anomaly", one.pipeline, one.entity, orjson.dumps(one.document).decode())


def _of_incident(one: Incident) -> FeedChange:
    facts = one.facts
    shown = {
        "id": one.id,
        "pipeline": facts.pipeline,
        "entity": facts.entity,
        "began_ns": facts.began,
        "last_ns": facts.last,
        "severity": facts.severity,
        "count": facts.count,
        "summary": facts.summary,
        "state": "closed" if facts.closed else "open",
        "status": one.status,
        "assignee": one.assignee,
        "revision": one.revision,
        "story": facts.story,
    }
    return FeedChange("incident", facts.pipeline, facts.entity, orjson.dumps(shown).decode())
