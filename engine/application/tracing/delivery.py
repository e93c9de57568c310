"""The delivery of spans: a bounded queue and a thread of its own; the stream never waits for it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Timer

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from prometheus_client import Counter

from engine.application.config.sections import TracingSpec
from engine.application.telemetry.redaction import redactor

QUEUE = 8_192
"""Spans that may wait; further ones are dropped, and counted."""
REQUEST_SPANS = 512
DELAY_MS = 1_000
TIMEOUT = 5.0
"""Seconds that a request may take, its repetitions included."""
LAST_SECONDS = 3.0
"""Time to get rid of what waits when the pipeline ends."""

logger = logging.getLogger("pynomaly.tracing")


class LastWords(logging.Handler):
    """Keeps what a library said last, instead of writing each repetition to the log."""

    def __init__(self, name: str) -> None:
        super().__init__(logging.WARNING)
        self.text = ""
        library = logging.getLogger(name)
        library.propagate = False
        library.handlers = [self]

    def emit(self, record: logging.LogRecord) -> None:
        """Remember a message."""
        self.text = record.getMessage()


class Collector(SpanExporter):
    """What takes our spans; that it is away is said once, and again when it is back.

    Attributes:
        taken: spans that have left the queue so far, delivered or not.
    """

    def __init__(self, spec: TracingSpec, errors: Counter) -> None:
        secrets = {name: secret.get_secret_value() for name, secret in spec.headers.items()}
        redactor.learn(secrets.values())
        self._endpoint = spec.endpoint
        self._otlp = OTLPSpanExporter(spec.endpoint, headers=secrets, timeout=TIMEOUT)
        self._words = LastWords("opentelemetry")
        self._errors = errors
        self._away = False
        self.taken = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Deliver spans, or drop them."""
        self.taken += len(spans)
        result = self._otlp.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        if failed:
            self._errors.inc(len(spans))
        if failed != self._away:
            self._away = failed
            self._tell()
        return result

    def _tell(self) -> None:
        if self._away:
            logger.warning(
                "tracing: spans do not reach %s and are dropped; the stream goes on: %s",
                self._endpoint,
                self._words.text,
            )
        else:
            logger.info("tracing: spans reach %s again", self._endpoint)

    def shutdown(self) -> None:
        """Break off what is under way; everything after it is dropped."""
        self._otlp.shutdown()  # type: ignore[no-untyped-call]


class Delivery(BatchSpanProcessor):
    """The SDK's own processor, with a count of what its full queue drops."""

    def __init__(self, spec: TracingSpec, errors: Counter) -> None:
        self._collector = Collector(spec, errors)
        self._errors = errors
        self._given = 0
        super().__init__(
            self._collector,
            max_queue_size=QUEUE,
            schedule_delay_millis=DELAY_MS,
            max_export_batch_size=REQUEST_SPANS,
        )

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span, or drop it."""
        if self._given - self._collector.taken >= QUEUE:
            self._errors.inc()
            return
        self._given += 1
        super().on_end(span)

    def shutdown(self) -> None:
        """Deliver what waits, for LAST_SECONDS at most and the request that is under way then."""
        end = Timer(LAST_SECONDS, self._collector.shutdown)
        end.daemon = True
        end.start()
        super().shutdown()  # type: ignore[no-untyped-call]
        end.cancel()
