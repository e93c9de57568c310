"""A real receiver of webhooks on loopback, which checks signatures and fails on demand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from tests.support.kafka_settings import HOST

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Receiver:
    """A receiver, as a user would write it by the Standard Webhooks specification.

    Attributes:
        answers: status codes for the requests to come; 200 when there are none left, 0 hangs up.
        delivered: id and body of each request that was answered with 200, in order.
        seen: id of each request.
        forged: ids whose signature or time was wrong.
        headers: of the last request.
    """

    def __init__(self, port: int = 0) -> None:
        self.answers: list[int] = []
        self.after = ""
        self.hang = 0.0
        self.delivered: list[tuple[str, Any]] = []
        self.seen: list[str] = []
        self.forged: list[str] = []
        self.headers: dict[str, str] = {}
        self._server = ThreadingHTTPServer((HOST, port), _handler(self))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        """Where to post."""
        return f"http://{HOST}:{self._server.server_port}/hook"

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Judge a request; return the status to answer, 0 for none."""
        self.headers = headers
        self.seen.append(headers["webhook-id"])
        time.sleep(self.hang)
        if not _is_genuine(headers, body):
            self.forged.append(headers["webhook-id"])
            return 401
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.delivered.append((headers["webhook-id"], json.loads(body)))
        return status


def _is_genuine(headers: dict[str, str], body: bytes) -> bool:
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    given = [part.split(",", 1)[1] for part in headers["webhook-signature"].split()]
    fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return fresh and any(hmac.compare_digest(expected, one) for one in given)


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(405)
            self.end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = receiver.take({k.lower(): v for k, v in self.headers.items()}, body)
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            if receiver.after:
                self.send_header("retry-after", receiver.after)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler
