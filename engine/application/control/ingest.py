"""Store published anomalies and incidents; a repeated record changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.application.control.feeding import tell
from engine.application.control_ports import UnitOfWork
from engine.domain.control.incident import Facts, Incident, incident_facts, incident_of_anomaly
from engine.domain.control.lane import cells_of
from engine.domain.control.published import Document, UnreadableRecordError
from engine.domain.control.stored_anomaly import StoredAnomaly, stored_anomaly


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of some documents.

    Attributes:
        anomalies: new ones.
        incidents: new or changed ones.
        unreadable: what is wrong with each document that is neither.
    """

    anomalies: int
    incidents: int
    unreadable: Sequence[str]


def ingest(work: UnitOfWork, documents: Sequence[Document]) -> Ingested:
    """Store what is new in documents of the sinks `anomalies` and `incidents`.

    Anomalies are enough: an incident is then made of those that name it, until a record of the
    incident itself comes.

    Args:
        work: to store them in.
        documents: as they were published, in any order, repeats included.
    """
    anomalies: dict[str, StoredAnomaly] = {}
    facts: list[tuple[str, Facts]] = []
    unreadable = []
    for document in documents:
        try:
            # Only records of incidents say what happened to one.
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
    tell(work, added, changed)
    return Ingested(len(new), len(changed), unreadable)


def _join(
    work: UnitOfWork, anomalies: Sequence[StoredAnomaly], facts: Sequence[tuple[str, Facts]]
) -> list[Incident]:
    """Store what anomalies and facts make of incidents; return those that changed."""
    ids = {anomaly.incident for anomaly in anomalies} | {incident for incident, _ in facts}
    before = work.incidents.get(ids) if ids else {}
    after: dict[str, Incident] = dict(before)
    for anomaly in anomalies:
        known = after.get(anomaly.incident)
        after[anomaly.incident] = (
            incident_of_anomaly(anomaly) if known is None else known.with_anomaly(anomaly)
        )
    for incident, told in facts:
        known = after.get(incident)
        after[incident] = Incident(incident, told) if known is None else known.told(told)
    new = [replace(incident, revision=1) for key, incident in after.items() if key not in before]
    changed = [
        # Several changes of one transaction are one.
        replace(incident, revision=before[key].revision + 1)
        for key, incident in after.items()
        if key in before and incident != before[key]
    ]
    if new:
        work.incidents.add(new)
    if changed:
        work.incidents.save(changed)
    return new + changed
