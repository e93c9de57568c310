"""A deadline for a whole HTTP call: httpx limits each read and write, but not their sum.

A receiver that sends single bytes of its headers would keep a call open forever.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from ssl import SSLContext
from threading import Thread
from typing import Any

import httpcore
import httpx

CHUNK_BYTES = 4_096
"""So much goes into the kernel at once, or not at all."""


class Deadline:
    """The time by which a call must be done.

    Args:
        seconds: that a call may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = 0.0

    def start(self) -> None:
        """Begin a call."""
        self._end = time.monotonic() + self._seconds

    def left(self, error: type[Exception]) -> float:
        """Return the seconds left.

        Args:
            error: raised when there are none.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise error("the call took too long")
        return left


def bound(client: httpx.Client, deadline: Deadline) -> None:
    """Let all that a client does end by a deadline.

    httpx has no way to be handed a network backend: it is set where httpcore keeps it, for the
    usual connections and for those through proxies.
    """
    transports = [client._transport, *client._mounts.values()]
    for transport in transports:
        if isinstance(transport, httpx.HTTPTransport):
            transport._pool._network_backend = _Backend(deadline)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers."""
        error: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in _addresses(host, port, self._deadline):
            left = self._deadline.left(httpcore.ConnectTimeout)
            try:
                stream = self._sockets.connect_tcp(
                    address, port, left, local_address, socket_options
                )
                return _Stream(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
        raise error


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has arrived."""
        return self._stream.read(max_bytes, self._deadline.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it."""
        for begin in range(0, len(buffer), CHUNK_BYTES):
            left = self._deadline.left(httpcore.WriteTimeout)
            self._stream.write(buffer[begin : begin + CHUNK_BYTES], left)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Go on over TLS; Python bounds the whole handshake."""
        left = self._deadline.left(httpcore.ConnectTimeout)
        stream = self._stream.start_tls(ssl_context, server_hostname, left)
        return _Stream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Return what is known of the connection."""
        return self._stream.get_extra_info(info)


def _addresses(host: str, port: int, deadline: Deadline) -> list[str]:
    """Return the addresses of a host; the resolver has no deadline of its own."""
    found: list[str] = []
    errors: list[OSError] = []

    def resolve() -> None:
        try:
            known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(entry[4][0]) for entry in known))
        except OSError as error:
            errors.append(error)

    resolving = Thread(target=resolve, name="resolve", daemon=True)
    resolving.start()
    resolving.join(deadline.left(httpcore.ConnectTimeout))
    if errors:
        raise httpcore.ConnectError(str(errors[0]))
    if not found:
        raise httpcore.ConnectTimeout(f"the address of {host} was not found in time")
    return found
