"""The webhook sink: at least once, each record with the same id however often it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.delivery.queue import Outbox, OutboxSink
from connectors.delivery.rejected import Refusals
from connectors.delivery.retry_settings import RefusedError, TroubleError
from connectors.webhook.delivered_ids import Sent
from connectors.webhook.rate_limiter import Pace
from connectors.webhook.settings import WebhookSettings
from engine.application.ports import RunContext
from engine.domain.errors import ConnectorError
from engine.domain.record import Record

if TYPE_CHECKING:
    from connectors.webhook.client import Post


class WebhookSink:
    """The plug-in behind `sinks: {...: {webhook: ...}}`."""

    Settings = WebhookSettings
    exactly_once = False

    def __init__(self, settings: WebhookSettings, context: RunContext, role: str) -> None:
        self._settings = settings
        self._context = context
        self._role = role

    def sink(self) -> OutboxSink:
        """Return the Bytewax sink."""
        return OutboxSink(self._open)

    def check(self) -> None:
        """Raise ConnectorError when nobody answers, or not with a trusted certificate."""
        post = self._post()
        try:
            post.reach()
        except TroubleError as error:
            raise ConnectorError(f"{error}. Is a receiver listening there?") from error
        finally:
            post.close()

    def _open(self) -> Outbox:
        post = self._post()
        delivery = Delivery(self._settings, self._context, self._role, post)
        return Outbox(self._context, self._role, lambda: None, delivery.deliver, post.close, most=1)

    def _post(self) -> Post:
        # Only who uses a webhook needs what it takes.
        from connectors.webhook.client import Post

        try:
            return Post(self._settings)
        except OSError as error:
            raise ConnectorError(f'"{self._settings.ca}" cannot be read: {error}') from error


class Delivery:
    """Sends records until the receiver has them."""

    def __init__(
        self, settings: WebhookSettings, context: RunContext, role: str, post: Post
    ) -> None:
        from connectors.delivery.retry import Caller

        self._caller = Caller(settings, context, role)
        self._refusals = Refusals(settings.refused, context, role)
        self._delivered = context.telemetry.delivered.labels(role)
        self._pace = Pace(settings.rate / context.processes)
        self._sent = Sent(context, role, settings.url)
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
        except RefusedError as error:
            self._refusals.keep(record, str(error))
        else:
            self._delivered.inc()
