"""HTTP calls with a deadline for the whole call, and replies classified by what to do next."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

from connectors.delivery.deadline import Deadline, bound
from connectors.delivery.retry_settings import RecordRejectedError, TransientError
from pynomaly.plugins import public_url

REFUSED = {400, 409, 410, 413, 415, 422}
"""Answers that repeating the same request does not change: it is the record that is not wanted."""
LONGEST_AFTER_SECONDS = 3_600.0
"""A receiver that asks for more is asked again by then."""
READ_BYTES = 16_384

for library in ("httpx", "httpcore"):
    # They would write a line for each request, with its whole URL.
    logging.getLogger(library).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered.

    Attributes:
        receiver: scheme and host of who answered.
        status: of HTTP.
        after: its Retry-After header, "" without one.
        text: begin of the body.
    """

    receiver: str
    status: int
    after: str
    text: str

    def accept(self) -> None:
        """Return if the receiver took what it was sent.

        Raises:
            TransientError: repeat it.
            RecordRejectedError: it can never be taken.
        """
        if 200 <= self.status < 300:
            return
        text = f"{self.receiver} answered {self.status} {self.text!r}"
        if self.status in REFUSED:
            raise RecordRejectedError(text)
        raise TransientError(f"http_{self.status}", text, _seconds(self.after))


class HttpClient:
    """Calls one URL, without redirects.

    Args:
        url: the URL.
        seconds: that a call may take.
        ca: PEM file with the authorities to trust; None for the usual ones.

    Raises:
        OSError: the file of authorities cannot be read.
    """

    def __init__(self, url: str, seconds: float, ca: str | None) -> None:
        self._url = url
        self._receiver = public_url(url)
        self._seconds = seconds
        self._client = httpx.Client(
            verify=ssl.create_default_context(cafile=ca), timeout=seconds, follow_redirects=False
        )
        self._deadline = Deadline(seconds)
        bound(self._client, self._deadline)

    def call(self, method: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Return what the receiver answers.

        Raises:
            TransientError: nobody answers in time, or not with a certificate that we trust.
        """
        self._deadline.start()
        try:
            with self._client.stream(
                method, self._url, content=body, headers=dict(headers)
            ) as answer:
                read = b""
                # The body may come too slowly: the status is enough.
                with suppress(httpx.TimeoutException):
                    for part in answer.iter_raw():
                        read += part
                        if len(read) > READ_BYTES:
                            break
                text = read[:200].decode("utf-8", "replace")
                after = answer.headers.get("retry-after", "")
                return Answer(self._receiver, answer.status_code, after, text)
        except httpx.TimeoutException:
            raise TransientError(
                "timeout", f"{self._receiver} did not answer in {self._seconds:g} s"
            ) from None
        except httpx.TransportError as error:
            raise TransientError("connection", f"{self._receiver}: {error}") from None

    def close(self) -> None:
        """Release the connection."""
        self._client.close()


def _seconds(after: str) -> float:
    """Return what Retry-After asks for; 0 if it cannot be read."""
    try:
        found = float(after) if after.isdigit() else _until(after)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(found, 0.0), LONGEST_AFTER_SECONDS)


def _until(date: str) -> float:
    return parsedate_to_datetime(date).timestamp() - time.time() if date else 0.0
