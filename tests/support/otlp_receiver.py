"""A real receiver of spans on loopback: OTLP over HTTP, read with the protocol's own messages."""

from __future__ import annotations

from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

from tests.support.kafka_settings import HOST


@dataclass(frozen=True)
class Span:
    """A span as it arrived; ids in hex, "" is not a parent; times in ns since 1970."""

    name: str
    trace_id: str
    span_id: str
    parent: str
    kind: str
    links: tuple[tuple[str, str], ...]
    start: int
    end: int
    attributes: dict[str, str | int]
    resource: dict[str, str | int]


class OtlpReceiver:
    """A collector that keeps what it is sent.

    Attributes:
        spans: all that was delivered, in the order of arrival.
        headers: of the last request, names in lower case.
        status: the answer; spans are kept with 200 only.
        requests: how many there were, whatever the answer.
    """

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.headers: dict[str, str] = {}
        self.status = 200
        self.requests = 0
        self._server = ThreadingHTTPServer((HOST, 0), _handler(self))
        self._server.daemon_threads = False
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def endpoint(self) -> str:
        """Where to post."""
        return f"http://{HOST}:{self._server.server_port}/v1/traces"

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Keep the spans of a request; return the answer's status."""
        self.requests += 1
        self.headers = headers
        if path != "/v1/traces" or self.status != 200:
            return 404 if self.status == 200 else self.status
        request = ExportTraceServiceRequest.FromString(body)
        for group in request.resource_spans:
            resource = _plain(group.resource.attributes)
            for scope in group.scope_spans:
                self.spans += [_span(span, resource) for span in scope.spans]
        return 200

    def __enter__(self) -> OtlpReceiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(receiver: OtlpReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.take(self.path, headers, body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _span(span: trace_pb2.Span, resource: dict[str, str | int]) -> Span:
    return Span(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        attributes=_plain(span.attributes),
        resource=resource,
    )


def _plain(pairs: list[KeyValue]) -> dict[str, str | int]:
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in pairs}
