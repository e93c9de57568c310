"""Store published anomalies and incidents; a repeated record changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from engine.application.control.feeding import announce
from engine.application.control_ports import UnitOfWork
from engine.domain.control.incident import Facts, Incident, incident_facts, incident_of_anomaly
from engine.domain.control.lane import cells_of
from engine.domain.control.published import Document, UnreadableRecordError
from engine.domain.control.stored_anomaly import StoredAnomaly, stored_anomaly


@dataclass(frozen=True, slots=True)
class Ingested:
    """The result of storing documents.

    Attributes:
        anomalies: the new anomalies.
        incidents: the new or changed incidents.
        unreadable: the error of each document that is neither.
    """

    anomalies: int
    incidents: int
    unreadable: Sequence[str]


def ingest(work: UnitOfWork, documents: Sequence[Document]) -> Ingested:
    """Store the new documents of the sinks `anomalies` and `incidents`.

    Without the sink `incidents`, an incident is derived from its anomalies, until a record of the
    incident itself arrives.

    Args:
        work: the unit of work.
        documents: published documents in any order, including repeated ones.
    """
    anomalies: dict[str, StoredAnomaly] = {}
    facts: list[tuple[str, Facts]] = []
    unreadable = []
    for document in documents:
        try:
            # Only records of incidents have the event.
            if "event_id" in document:
                facts.append(incident_facts(document))
            else:
                anomaly = stored_anomaly(document)
                anomalies.setdefault(anomaly.id, anomaly)
        except UnreadableRecordError as error:
            unreadable.append(str(error))
    new = work.anomalies.add(list(anomalies.values()))
    added = [anomalies[one] for one in anomalies if one in new]
    work.lanes.add(cells_of(added))
    changed = _join(work, added, facts)
    announce(work, added, changed)
    return Ingested(len(new), len(changed), unreadable)


def _join(
    work: UnitOfWork, anomalies: Sequence[StoredAnomaly], facts: Sequence[tuple[str, Facts]]
) -> list[Incident]:
    """Update incidents by anomalies and facts; return those that changed."""
    found: list[Incident] = []
    while anomalies or facts:
        changed, taken = _join_once(work, anomalies, facts)
        found += changed
        # Of two followers that meet a new incident at once, one stores it; the other changes it.
        anomalies = [one for one in anomalies if one.incident in taken]
        facts = [one for one in facts if one[0] in taken]
    return found


def _join_once(
    work: UnitOfWork, anomalies: Sequence[StoredAnomaly], facts: Sequence[tuple[str, Facts]]
) -> tuple[list[Incident], Collection[str]]:
    """Do so once; return also the ids of incidents that others have stored meanwhile."""
    ids = {anomaly.incident for anomaly in anomalies} | {incident for incident, _ in facts}
    before = work.incidents.get(ids)
    after: dict[str, Incident] = dict(before)
    for anomaly in anomalies:
        known = after.get(anomaly.incident)
        after[anomaly.incident] = (
            incident_of_anomaly(anomaly) if known is None else known.with_anomaly(anomaly)
        )
    for incident, newest in facts:
        known = after.get(incident)
        after[incident] = Incident(incident, newest) if known is None else known.with_facts(newest)
    new = [replace(incident, revision=1) for key, incident in after.items() if key not in before]
    changed = [
        # Several changes in one transaction count as one.
        replace(incident, revision=before[key].revision + 1)
        for key, incident in after.items()
        if key in before and incident != before[key]
    ]
    added = work.incidents.add(new) if new else ()
    if changed:
        work.incidents.save(changed)
    taken = {incident.id for incident in new}.difference(added)
    return [one for one in new if one.id not in taken] + changed, taken
