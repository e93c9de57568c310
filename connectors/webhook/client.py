"""One record as one signed request."""

from __future__ import annotations

import re
import time

from connectors.delivery.http_client import HttpClient
from connectors.delivery.json_line import json_line
from connectors.webhook.settings import WebhookSettings
from connectors.webhook.signature import keys, signature_headers
from engine.domain.record import Record

TRACE = ("traceparent", "tracestate")
PLAIN = re.compile(rb"[!-~]([ -~]*[!-~])?")
"""What a header of HTTP may hold; those of a dead letter are whatever its sender wrote."""


class WebhookClient:
    """Sends records to a URL.

    Args:
        settings: of the sink.

    Raises:
        OSError: the file of authorities cannot be read.
    """

    def __init__(self, settings: WebhookSettings) -> None:
        self._keys = keys(settings.secret.get_secret_value())
        self._client = HttpClient(settings.url, settings.timeout.total_seconds(), settings.ca)

    def send(self, record: Record) -> None:
        """Send a record; return when the receiver has it.

        Raises:
            TransientError: repeat it.
            RecordRejectedError: it can never be taken.
        """
        body = json_line(record).rstrip(b"\n")
        headers = signature_headers(self._keys, record.id, int(time.time()), body)
        headers |= {
            name: value.decode()
            for name, value in record.headers
            if name in TRACE and value is not None and PLAIN.fullmatch(value)
        }
        headers["content-type"] = "application/json"
        self._client.call("POST", body, headers).accept()

    def reach(self) -> int:
        """Return the status that the receiver answers a HEAD with: nothing is delivered.

        Raises:
            TransientError: no answer, or not with a certificate that we trust.
        """
        return self._client.call("HEAD", b"", {}).status

    def close(self) -> None:
        """Release the connection."""
        self._client.close()
