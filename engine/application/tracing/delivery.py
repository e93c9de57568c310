"""Delivery of spans: a bounded queue with its own thread, so that the stream never waits."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Timer

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from prometheus_client import Counter

from engine.application.config.sections import TracingSpec
from engine.application.telemetry.redaction import Redactor

QUEUE_SPANS = 8_192
"""Length of the queue; further spans are dropped and counted."""
REQUEST_SPANS = 512
DELAY_MS = 1_000
TIMEOUT_SECONDS = 5.0
"""Longest time of a request, with its retries."""
FLUSH_SECONDS = 3.0
"""Longest time to deliver queued spans when the pipeline ends."""

logger = logging.getLogger("pynomaly.tracing")


class LastMessage(logging.Handler):
    """Keeps the last message of a library, instead of logging each repetition."""

    def __init__(self, name: str) -> None:
        super().__init__(logging.WARNING)
        self.text = ""
        library = logging.getLogger(name)
        library.propagate = False
        library.handlers = [self]

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self.text = record.getMessage()


class Collector(SpanExporter):
    """The exporter to the collector; logs once when it becomes unreachable, and once on recovery.

    Args:
        spec: where spans go.
        errors: counts spans that were dropped.
        redactor: learns the headers of requests.

    Attributes:
        taken: spans that have left the queue so far, delivered or not.
    """

    def __init__(self, spec: TracingSpec, errors: Counter, redactor: Redactor) -> None:
        secrets = {name: secret.get_secret_value() for name, secret in spec.headers.items()}
        redactor.learn(secrets.values())
        self._endpoint = spec.endpoint
        self._otlp = OTLPSpanExporter(spec.endpoint, headers=secrets, timeout=TIMEOUT_SECONDS)
        self._last = LastMessage("opentelemetry")
        self._errors = errors
        self._unreachable = False
        self.taken = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Deliver spans, or drop them."""
        self.taken += len(spans)
        result = self._otlp.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        if failed:
            self._errors.inc(len(spans))
        if failed != self._unreachable:
            self._unreachable = failed
            self._log_change()
        return result

    def _log_change(self) -> None:
        if self._unreachable:
            logger.warning(
                "tracing: spans do not reach %s and are dropped; the stream goes on: %s",
                self._endpoint,
                self._last.text,
            )
        else:
            logger.info("tracing: spans reach %s again", self._endpoint)

    def shutdown(self) -> None:
        """Cancel the current request; later spans are dropped."""
        self._otlp.shutdown()  # type: ignore[no-untyped-call]


class Delivery(BatchSpanProcessor):
    """The processor of the SDK, with a count of the spans that its full queue drops."""

    def __init__(self, spec: TracingSpec, errors: Counter, redactor: Redactor) -> None:
        self._collector = Collector(spec, errors, redactor)
        self._errors = errors
        self._given = 0
        super().__init__(
            self._collector,
            max_queue_size=QUEUE_SPANS,
            schedule_delay_millis=DELAY_MS,
            max_export_batch_size=REQUEST_SPANS,
        )

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span, or drop it."""
        if self._given - self._collector.taken >= QUEUE_SPANS:
            self._errors.inc()
            return
        self._given += 1
        super().on_end(span)

    def shutdown(self) -> None:
        """Deliver queued spans for at most FLUSH_SECONDS plus the current request."""
        end = Timer(FLUSH_SECONDS, self._collector.shutdown)
        end.daemon = True
        end.start()
        super().shutdown()  # type: ignore[no-untyped-call]
        end.cancel()
