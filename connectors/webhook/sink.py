"""The webhook sink: at least once, each record with the same id however often it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.delivery import queued_sink
from connectors.delivery.queued_sink import QueuedSink
from connectors.webhook.delivered_ids import DeliveredIds
from connectors.webhook.rate_limiter import RateLimiter
from connectors.webhook.settings import WebhookSettings
from engine.domain.errors import ConnectorError
from engine.domain.record import Record
from pynomaly.plugins import RunContext

if TYPE_CHECKING:
    from connectors.webhook.client import WebhookClient


class WebhookSink(QueuedSink):
    """The plug-in behind `sinks: {...: {webhook: ...}}`."""

    Settings = WebhookSettings
    receiver_name = "a receiver"

    def connect(self) -> WebhookClient:
        """Return the client.

        Raises:
            ConnectorError: the file of authorities cannot be read.
        """
        # Only who uses a webhook needs what it takes.
        from connectors.webhook.client import WebhookClient

        try:
            return WebhookClient(self.settings)
        except OSError as error:
            raise ConnectorError(f'"{self.settings.ca}" cannot be read: {error}') from error

    def delivery(self, receiver: WebhookClient) -> Delivery:
        """Return what sends records to it."""
        return Delivery(self.settings, self.context, self.role, receiver)


class Delivery(queued_sink.Delivery):
    """Sends records until the receiver has them.

    Args:
        settings: of the sink.
        context: of this process.
        role: of the sink.
        client: sends them.
    """

    def __init__(
        self, settings: WebhookSettings, context: RunContext, role: str, client: WebhookClient
    ) -> None:
        super().__init__(settings, context, role, self._send_one)
        self._rate_limiter = RateLimiter(settings.rate / context.processes)
        self._delivered_ids = DeliveredIds(context, role, settings.url)
        self._client = client

    def deliver(self, records: list[Record]) -> None:
        """Send records one by one; those delivered before are left out."""
        for record in records:
            if record.id not in self._delivered_ids:
                super().deliver([record])
                self._delivered_ids.add(record.id)

    def _send_one(self, records: list[Record]) -> None:
        """Send one record, as fast as the receiver is to be asked."""
        self._rate_limiter.wait()
        self._client.send(records[0])
