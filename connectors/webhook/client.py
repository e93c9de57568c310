"""The post: one record as one signed request."""

from __future__ import annotations

import logging
import re
import ssl
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime

import httpx

from connectors.delivery.json_line import json_line
from connectors.delivery.retry_settings import RecordRejectedError, TransientError
from connectors.webhook.deadline import Deadline, bound
from connectors.webhook.settings import WebhookSettings
from connectors.webhook.signature import keys, signature_headers
from engine.domain.record import Record
from pynomaly.plugins import public_url

REFUSED = {400, 409, 410, 413, 415, 422}
"""Answers that repeating the same request does not change: it is the record that is not wanted."""
LONGEST_AFTER = 3_600.0
"""Seconds: a receiver that asks for more is asked again by then."""
READ_BYTES = 16_384
TRACE = ("traceparent", "tracestate")
PLAIN = re.compile(rb"[!-~]([ -~]*[!-~])?")
"""What a header of HTTP may hold; those of a dead letter are whatever its sender wrote."""

for library in ("httpx", "httpcore"):
    # They would write a line for each request, with its whole URL.
    logging.getLogger(library).setLevel(logging.WARNING)


class WebhookClient:
    """Sends records to a URL.

    Args of its constructor: settings.

    Raises:
        OSError: the file of authorities cannot be read.
    """

    def __init__(self, settings: WebhookSettings) -> None:
        self._url = settings.url
        self._receiver = public_url(settings.url)
        self._keys = keys(settings.secret.get_secret_value())
        self._seconds = settings.timeout.total_seconds()
        self._client = httpx.Client(
            verify=ssl.create_default_context(cafile=settings.ca),
            timeout=self._seconds,
            follow_redirects=False,
        )
        self._deadline = Deadline(self._seconds)
        bound(self._client, self._deadline)

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
        status, after, text = self._answer("POST", body, headers)
        if 200 <= status < 300:
            return
        said = f"{self._receiver} answered {status} {text!r}"
        if status in REFUSED:
            raise RecordRejectedError(said)
        raise TransientError(f"http_{status}", said, _seconds(after))

    def reach(self) -> int:
        """Return the status that the receiver answers a HEAD with: nothing is delivered.

        Raises:
            TransientError: nobody answers, or not with a certificate that we trust.
        """
        return self._answer("HEAD", b"", {})[0]

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _answer(self, method: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, str]:
        self._deadline.start()
        try:
            with self._client.stream(method, self._url, content=body, headers=headers) as answer:
                read = b""
                # What the receiver says of it may come too slowly: the status stands.
                with suppress(httpx.TimeoutException):
                    for part in answer.iter_raw():
                        read += part
                        if len(read) > READ_BYTES:
                            break
                text = read[:200].decode("utf-8", "replace")
                return answer.status_code, answer.headers.get("retry-after", ""), text
        except httpx.TimeoutException:
            raise TransientError(
                "timeout", f"{self._receiver} did not answer in {self._seconds:g} s"
            ) from None
        except httpx.TransportError as error:
            raise TransientError("connection", f"{self._receiver}: {error}") from None


def _seconds(after: str) -> float:
    """Return what Retry-After asks for; 0 where it cannot be read."""
    try:
        found = float(after) if after.isdigit() else _until(after)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(found, 0.0), LONGEST_AFTER)


def _until(date: str) -> float:
    return parsedate_to_datetime(date).timestamp() - time.time() if date else 0.0
