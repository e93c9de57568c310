"""The stored anomaly: as it was published, with what lists are filtered by."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.alert_policy import Severity
from engine.domain.control.published import (
    Document,
    id_of,
    integer_of,
    number_of,
    severity_of,
    text_of,
)


@dataclass(frozen=True, slots=True)
class StoredAnomaly:
    """An anomaly that was published.

    Attributes:
        id, pipeline, entity, time, severity, kind, score, p_value, incident, summary: as in
            `engine.domain.anomaly.Anomaly`.
        document: as published.
    """

    id: str
    pipeline: str
    entity: str
    time: int
    severity: Severity
    kind: str
    score: float
    p_value: float
    incident: str
    summary: str
    document: Document


def stored_anomaly(document: Document) -> StoredAnomaly:
    """Return the anomaly that a published document is.

    Raises:
        UnreadableRecordError: it is none; the message names the field.
    """
    return StoredAnomaly(
        id=id_of(document),
        pipeline=text_of(document, "pipeline"),
        entity=text_of(document, "entity"),
        time=integer_of(document, "time_ns"),
        severity=severity_of(document),
        kind=text_of(document, "kind"),
        score=number_of(document, "score"),
        p_value=number_of(document, "p_value"),
        incident=id_of(document, "incident"),
        summary=text_of(document, "summary"),
        document=document,
    )
