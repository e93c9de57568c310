"""Requests of the client about incidents and anomalies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import quote

from engine.application.remote.asking import Asking
from engine.application.remote.documents import Change, Comment, Incident

HANDLINGS = ("acknowledge", "resolve", "suppress", "reopen")


class IncidentRequests(Asking):
    """What the client asks about incidents and anomalies."""

    def incidents(self, **filters: str | None) -> Iterator[Incident]:
        """Yield incidents, the newest first.

        Args:
            filters: pipeline, entity, status, severity, assignee, closed, since, until, story;
                collapse="story": of each story only the incident that began first.
        """
        return cast("Iterator[Incident]", self.items("/incidents", filters))

    def incident(self, incident_id: str) -> Incident:
        """Return an incident."""
        return cast("Incident", self.ask("GET", _incident(incident_id)))

    def handle_incident(
        self, incident_id: str, how: str, reason: str = "", revision: int | None = None
    ) -> Incident:
        """Acknowledge, resolve, suppress or reopen an incident.

        Args:
            incident_id: its id.
            how: one of HANDLINGS.
            reason: why.
            revision: that was read; None whatever there is.

        Raises:
            RemoteError: 409 if its status does not allow it, 412 if it has changed.
        """
        path = f"{_incident(incident_id)}/{how}"
        return cast("Incident", self.change("POST", path, {"reason": reason}, revision))

    def assign_incident(self, incident_id: str, to: str | None, reason: str = "") -> Incident:
        """Assign an incident to a user; None unassigns it."""
        path = f"{_incident(incident_id)}/assign"
        body = {"assignee": to, "reason": reason}
        return cast("Incident", self.change("POST", path, body, None))

    def comments(self, incident_id: str) -> list[Comment]:
        """Return the comments on an incident, the oldest first."""
        path = f"{_incident(incident_id)}/comments"
        return cast("list[Comment]", self.ask("GET", path)["items"])

    def incident_history(self, incident_id: str) -> list[Change]:
        """Return who changed an incident, when and why, the oldest first."""
        path = f"{_incident(incident_id)}/history"
        return cast("list[Change]", self.ask("GET", path)["items"])

    def comment_incident(self, incident_id: str, text: str) -> Comment:
        """Write a comment on an incident."""
        path = f"{_incident(incident_id)}/comments"
        return cast("Comment", self.ask("POST", path, {"text": text}))

    def anomalies(self, **filters: str | None) -> Iterator[Mapping[str, Any]]:
        """Yield anomalies as they were published, the newest first.

        Args:
            filters: pipeline, entity, incident, kind, severity, since, until.
        """
        return self.items("/anomalies", filters)


def _incident(incident_id: str) -> str:
    return f"/incidents/{quote(incident_id, safe='')}"
