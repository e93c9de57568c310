"""The webhook sink: at least once, each record with the same id however often it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.delivery.queue import DeliveryQueue, QueuedSink
from connectors.delivery.rejected import RejectedRecords
from connectors.delivery.retry_settings import RecordRejectedError, TransientError
from connectors.webhook.delivered_ids import DeliveredIds
from connectors.webhook.rate_limiter import RateLimiter
from connectors.webhook.settings import WebhookSettings
from engine.domain.errors import ConnectorError
from engine.domain.record import Record
from pynomaly.plugins import RunContext

if TYPE_CHECKING:
    from connectors.webhook.client import WebhookClient


class WebhookSink:
    """The plug-in behind `sinks: {...: {webhook: ...}}`."""

    Settings = WebhookSettings
    exactly_once = False

    def __init__(self, settings: WebhookSettings, context: RunContext, role: str) -> None:
        self._settings = settings
        self._context = context
        self._role = role

    def sink(self) -> QueuedSink:
        """Return the Bytewax sink."""
        return QueuedSink(self._open)

    def check(self) -> None:
        """Raise ConnectorError when nobody answers, or not with a trusted certificate."""
        post = self._post()
        try:
            post.reach()
        except TransientError as error:
            raise ConnectorError(f"{error}. Is a receiver listening there?") from error
        finally:
            post.close()

    def _open(self) -> DeliveryQueue:
        post = self._post()
        delivery = Delivery(self._settings, self._context, self._role, post)
        return DeliveryQueue(
            self._context, self._role, lambda: None, delivery.deliver, post.close, most=1
        )

    def _post(self) -> WebhookClient:
        # Only who uses a webhook needs what it takes.
        from connectors.webhook.client import WebhookClient

        try:
            return WebhookClient(self._settings)
        except OSError as error:
            raise ConnectorError(f'"{self._settings.ca}" cannot be read: {error}') from error


class Delivery:
    """Sends records until the receiver has them."""

    def __init__(
        self, settings: WebhookSettings, context: RunContext, role: str, post: WebhookClient
    ) -> None:
        from connectors.delivery.retry import Caller

        self._caller = Caller(settings, context, role)
        self._refusals = RejectedRecords(settings.refused, context, role)
        self._delivered = context.telemetry.delivered.labels(role)
        self._pace = RateLimiter(settings.rate / context.processes)
        self._sent = DeliveredIds(context, role, settings.url)
        self._post = post

    def deliver(self, records: list[Record]) -> None:
        """Send records; those sent before are left out."""
        for record in records:
            if record.id not in self._sent:
                self._send(record)
                self._sent.add(record.id)

    def _send(self, record: Record) -> None:
        def send() -> None:
            self._pace.wait()
            self._post.send(record)

        try:
            self._caller.call(send)
        except RecordRejectedError as error:
            self._refusals.keep(record, str(error))
        else:
            self._delivered.inc()
