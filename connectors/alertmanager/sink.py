"""The Alertmanager sink: alerts of anomalies, until no more follow, or of open incidents."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from connectors.alertmanager.alert import alert
from connectors.alertmanager.incident import incident_alerts
from connectors.alertmanager.sent import SentIncidents
from connectors.alertmanager.settings import AlertmanagerSettings
from connectors.alertmanager.waiting import WaitingIncidents
from connectors.delivery.queue import DeliveryQueue
from connectors.delivery.queued_sink import Delivery, QueuedPart, QueuedSink
from engine.domain.errors import ConnectorError
from engine.domain.names import ANOMALIES, INCIDENTS, role_of
from engine.domain.record import Record

if TYPE_CHECKING:
    from connectors.delivery.http_client import HttpClient

MOST_ALERTS = 100
"""Alerts a request."""


class AlertmanagerSink(QueuedSink):
    """The plug-in behind `sinks: {anomalies: {alertmanager: ...}}`, and that of `incidents`.

    Alertmanager identifies alerts by their labels: one that is sent again is the same alert.
    """

    Settings = AlertmanagerSettings
    exactly_once = True
    roles = (ANOMALIES, INCIDENTS)
    receiver_name = "Alertmanager"

    @property
    def batch(self) -> int:
        """Most alerts a request."""
        return MOST_ALERTS

    def connect(self) -> Alertmanager:
        """Return the client.

        Raises:
            ConnectorError: the file of authorities cannot be read.
        """
        # Only who uses it needs what it takes.
        from connectors.delivery.http_client import HttpClient

        settings, seconds = self.settings, self.settings.timeout.total_seconds()
        base = f"{settings.url.rstrip('/')}/api/v2"
        try:
            alerts = HttpClient(f"{base}/alerts", seconds, settings.ca)
            status = HttpClient(f"{base}/status", seconds, settings.ca)
        except OSError as error:
            raise ConnectorError(f'"{settings.ca}" cannot be read: {error}') from error
        return Alertmanager(settings, alerts, status)

    def part(self, states: Sequence[Any]) -> QueuedPart:
        """Return the part of this process."""
        if not self._is_of_incidents:
            return super().part(states)
        longest = self.settings.longest_delay.total_seconds()
        lags = self.context.telemetry.event_time_lags
        waiting = WaitingIncidents(longest, lags)
        waiting.load(states)
        return IncidentPart(self.queue(), waiting, SentIncidents(lags))

    def delivery(self, receiver: Alertmanager) -> Delivery:
        """Return what sends alerts to it."""
        send = receiver.send_incidents if self._is_of_incidents else receiver.send
        return Delivery(self.settings, self.context, self.role, send)

    @property
    def _is_of_incidents(self) -> bool:
        return role_of(self.role) == INCIDENTS


class IncidentPart(QueuedPart):
    """The part of a process for incidents.

    Args:
        queue: where records wait for Alertmanager.
        waiting: incidents that wait for the rest of a backlog.
        sent: those whose alerts are sent again.
    """

    def __init__(
        self, queue: DeliveryQueue, waiting: WaitingIncidents, sent: SentIncidents
    ) -> None:
        super().__init__(queue)
        self._waiting = waiting
        self._sent = sent

    def write_batch(self, values: list[list[Record]]) -> None:
        """Queue events of incidents, but for those that have to wait."""
        for records in values:
            self._send([each for each in records if not self._waiting.keeps(each)])

    def snapshot(self) -> list[str] | None:
        """Deliver everything that need not wait; return the rest."""
        self._send(self._waiting.take_due())
        super().write_batch([self._sent.take_due()])
        super().snapshot()
        return self._waiting.dump()

    def _send(self, records: list[Record]) -> None:
        super().write_batch([records])
        for each in records:
            self._sent.note(each)


class Alertmanager:
    """An Alertmanager.

    Args:
        settings: of the sink.
        alerts: calls what takes alerts.
        status: calls what says how it is.
    """

    def __init__(
        self, settings: AlertmanagerSettings, alerts: HttpClient, status: HttpClient
    ) -> None:
        self._settings = settings
        self._alerts = alerts
        self._status = status
        self._headers = {
            name: secret.get_secret_value() for name, secret in settings.headers.items()
        }

    def send(self, records: list[Record]) -> None:
        """Send alerts of anomalies; what it knows already is left as it is.

        Raises:
            TransientError: repeat it.
            RecordRejectedError: it can never take one of them.
        """
        now = time.time_ns()
        self._post([alert(record, self._settings, now) for record in records])

    def send_incidents(self, records: list[Record]) -> None:
        """Send what events of incidents make of their alerts, in their order.

        Raises:
            TransientError: repeat it.
            RecordRejectedError: it can never take one of them.
        """
        # A request contains an alert once, in its newest state.
        newest: dict[bytes, dict[str, Any]] = {}
        now = time.time_ns()
        for record in records:
            for one in incident_alerts(record, self._settings, now):
                newest[orjson.dumps(one["labels"])] = one
        self._post(list(newest.values()))

    def _post(self, alerts: list[dict[str, Any]]) -> None:
        body = orjson.dumps(alerts)
        headers = self._headers | {"content-type": "application/json"}
        self._alerts.call("POST", body, headers).accept()

    def reach(self) -> None:
        """See that an Alertmanager answers.

        Raises:
            TransientError: none does, now.
            ConnectorError: what answers is none, or refuses us.
        """
        answer = self._status.call("GET", b"", self._headers)
        if answer.status >= 500:
            answer.accept()
        if answer.status != 200:
            raise ConnectorError(
                f"{answer.receiver} answered {answer.status}: no Alertmanager is at this url, or "
                "it wants other `headers`"
            )

    def close(self) -> None:
        """Release the connections."""
        self._alerts.close()
        self._status.close()
