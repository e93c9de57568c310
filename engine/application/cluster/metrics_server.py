"""The pages of a process: metrics for Prometheus, and entities, with TLS and a password if wanted.

The health pages need no password, because programs that restart processes have none.

Connections are bounded in number and in time before any password is asked for: whoever reaches the
port cannot use up the threads or the descriptors of the pipeline.
"""

from __future__ import annotations

import contextlib
import errno
import hmac
import json
import logging
import socket
import time
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app

from engine.application.cluster.health import Health
from engine.application.cluster.tls import tls_context
from engine.application.config.sections import BasicAuthSpec, MetricsSpec
from engine.application.telemetry.redaction import Redactor
from engine.domain.errors import FatalError, PynomalyError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATH, ENTITIES = "/metrics", "/entities"
MOST_CONNECTIONS = 32
"""Connections at once; further ones are hung up on."""
REQUEST_SECONDS = 5.0
"""From the connection to the end of the request's headers, the TLS handshake included."""
ANSWER_SECONDS = 30.0
"""From the connection to the end of the answer: a client that reads slowly is hung up on."""

logger = logging.getLogger("pynomaly.metrics")


def serve(
    spec: MetricsSpec,
    process: int,
    registry: CollectorRegistry,
    health: Health,
    redactor: Redactor,
    entities: WSGIApplication | None = None,
) -> MetricsServer:
    """Serve a registry at /metrics, and /health/live, ready and startup, in the background.

    Args:
        spec: where, and who may see it.
        process: number of the process, which decides the port.
        registry: the metrics.
        health: what the health pages say.
        redactor: knows what they must not say.
        entities: serves /entities and what is below it; None if there are no entities.

    Raises:
        PynomalyError: the address cannot be listened on, or a PEM file cannot be used.
    """
    context = None if spec.tls is None else tls_context(spec.tls)
    server = _listen(spec, process)
    if context is not None:
        # The handshake is left to the client's own thread: a client that is slow with it, or
        # never begins it, must not keep the others out.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    below = _nothing if entities is None else _below(f"{ENTITIES}/", entities, otherwise=_nothing)
    pages = {PATH: make_wsgi_app(registry)} | ({} if entities is None else {ENTITIES: entities})
    metrics = protected(_choosing(pages, otherwise=below), spec.basic_auth)
    questions = (health.live, health.ready, health.startup)
    health_pages = {f"/health/{ask.__name__}": _health_page(ask, redactor) for ask in questions}
    server.set_app(_choosing(health_pages, otherwise=metrics))
    Thread(target=server.serve_forever, name="metrics page", daemon=True).start()
    return server


def check_ports(spec: MetricsSpec, processes: int) -> None:
    """See whether each process of a run could listen now, before seconds go by in compiling.

    Args:
        spec: where the first process listens; the others on the ports above.
        processes: how many there will be.

    Raises:
        PynomalyError: an address cannot be listened on.
    """
    for process in range(processes):
        _listen(spec, process).server_close()


def _listen(spec: MetricsSpec, process: int) -> MetricsServer:
    try:
        return MetricsServer(spec.host, spec.port + process)
    except OSError as error:
        raise _cannot_listen(spec.host, spec.port + process, error) from error


class MetricsServer(WSGIServer):
    """A thread for each of a bounded number of connections; none of them lasts.

    Args:
        host: address or name to listen on.
        port: port to listen on.

    Raises:
        OSError: the address cannot be listened on.
    """

    request_queue_size = MOST_CONNECTIONS

    def __init__(self, host: str, port: int) -> None:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family = found[0][0]
        self._deadlines: dict[socket.socket, float] = {}
        self._lock = Lock()
        super().__init__((str(found[0][4][0]), port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, or hang up if there are too many."""
        with self._lock:
            full = len(self._deadlines) >= MOST_CONNECTIONS
            if not full:
                self._deadlines[request] = time.monotonic() + REQUEST_SECONDS
        if full:
            self.shutdown_request(request)
            return
        serving = Thread(target=self._serve, args=(request, client_address), daemon=True)
        serving.start()

    def request_is_read(self, request: socket.socket) -> None:
        """Give a client whose request has arrived the time to read the answer."""
        with self._lock:
            if request in self._deadlines:
                self._deadlines[request] += ANSWER_SECONDS - REQUEST_SECONDS

    def service_actions(self) -> None:
        """Hang up on connections that took too long; called twice a second."""
        now = time.monotonic()
        with self._lock:
            for request, deadline in self._deadlines.items():
                if now > deadline:
                    # Below TLS: another thread may be in the midst of a handshake.
                    with contextlib.suppress(OSError):
                        socket.socket.shutdown(request, socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Pass over a client that broke off, or does not speak TLS: that is not an error here."""
        logger.debug("%s was not served: %s", client_address, request, exc_info=True)

    def _serve(self, request: socket.socket, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception:  # noqa: BLE001 - as socketserver does, in a thread
            self.handle_error(request, client_address)
        finally:
            with self._lock:
                del self._deadlines[request]
            self.shutdown_request(request)


class _Response(ServerHandler):
    # The versions of the server would show an attacker which faults to try.
    server_software = "pynomaly"


class _Handler(WSGIRequestHandler):
    server: MetricsServer
    timeout = REQUEST_SECONDS

    def handle(self) -> None:
        """Answer one request, as the base class does, under our own name."""
        self.raw_requestline = self.rfile.readline(65_537)
        if len(self.raw_requestline) > 65_536:
            self.requestline = self.request_version = self.command = ""
            self.send_error(414)
            return
        if not self.parse_request():
            return
        self.server.request_is_read(self.connection)
        environ = self.get_environ()
        reading: Any = self.rfile
        writing: Any = self.wfile
        response = _Response(reading, writing, self.get_stderr(), environ, multithread=True)
        response.request_handler = self  # type: ignore[attr-defined]
        application = self.server.get_app()
        assert application is not None
        response.run(application)

    def version_string(self) -> str:
        """Return the name that errors give in their Server header."""
        return "pynomaly"

    def log_message(self, *_: object) -> None:
        """Say nothing: a page that is read every few seconds would fill the log."""


def protected(page: WSGIApplication, auth: BasicAuthSpec | None) -> WSGIApplication:
    """Return a page that asks for user and password, or the page itself if there are none."""
    if auth is None:
        return page
    # Digests are of one length: the time of a comparison reveals nothing of the password's.
    right = sha256(f"{auth.user}:{auth.password.get_secret_value()}".encode()).digest()

    def ask(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        given = _credentials(environ.get("HTTP_AUTHORIZATION", ""))
        if hmac.compare_digest(sha256(given).digest(), right):
            return page(environ, start)
        challenge = ("WWW-Authenticate", 'Basic realm="pynomaly metrics", charset="UTF-8"')
        return _answer(start, "401 Unauthorized", challenge)

    return ask


def _choosing(pages: Mapping[str, WSGIApplication], otherwise: WSGIApplication) -> WSGIApplication:
    """Return an application that has these pages, by their paths, and another for all else."""

    def choose(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        return pages.get(environ.get("PATH_INFO", ""), otherwise)(environ, start)

    return choose


def _below(path: str, page: WSGIApplication, otherwise: WSGIApplication) -> WSGIApplication:
    """Return an application that has a page for all paths that begin so, and another for others."""

    def choose(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        is_below = environ.get("PATH_INFO", "").startswith(path)
        return (page if is_below else otherwise)(environ, start)

    return choose


def _nothing(_environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    return _answer(start, "404 Not Found")


def _health_page(ask: Callable[[], Sequence[str]], redactor: Redactor) -> WSGIApplication:
    """Return a page that answers 200, or 503 with reasons, as application/health+json."""

    def answer(_environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        reasons = [redactor.redact(reason) for reason in ask()]
        status = "503 Service Unavailable" if reasons else "200 OK"
        start(status, [("Content-Type", "application/health+json"), ("Cache-Control", "no-store")])
        health = {"status": "fail" if reasons else "pass", "output": "; ".join(reasons)}
        return [json.dumps(health).encode() + b"\n"]

    return answer


def _answer(start: StartResponse, status: str, *headers: tuple[str, str]) -> list[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8"), *headers])
    return [f"{status}\n".encode()]


def _credentials(header: str) -> bytes:
    """Return the user:password of an Authorization header; empty if it holds none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return b64decode(encoded.strip(), validate=True)
    except ValueError:
        return b""


def _cannot_listen(host: str, port: int, error: OSError) -> PynomalyError:
    remedy = "correct metrics.host"
    if error.errno == errno.EADDRINUSE:
        remedy = "another program, or another pipeline, has that port; set metrics.port"
    return FatalError(
        f"the metrics page cannot listen on {host}:{port} ({error.strerror}): {remedy}"
    )
