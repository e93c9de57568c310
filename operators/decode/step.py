"""decode: raw batches become columns of events, and rejects with their reasons."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter

from engine.domain.batch import EventBatch, RawBatch
from engine.domain.pipeline import Pipeline
from engine.domain.reject import Reject
from operators.decode.decoder import Decoder
from operators.decode.log import DecodeLog
from operators.decode.retry import DecodeRetry
from pynomaly.plugins import Decode, RunContext


def decode_step(pipeline: Pipeline, context: RunContext) -> Decode:
    """Return the step from raw batches to at most one batch of events, and lists of rejects.

    A list is of one partition: whatever becomes of it depends on nothing else.
    """
    decoder = Decoder(pipeline.mapping)
    decoder.compile()
    log = DecodeLog(pipeline.mapping)
    retry = DecodeRetry(context)

    def decode(raw: list[RawBatch]) -> list[EventBatch | list[Reject]]:
        events, rejects = retry.until_done(lambda: decoder.decode(raw))
        for reject in rejects:
            context.telemetry.rejects.labels(reject.reason.value).inc()
        for reason, count in decoder.passed_over.items():
            context.telemetry.passed_over.labels(reason).inc(count)
        if not context.trial:
            log.report(events, rejects, decoder.ambiguous)
        found: list[EventBatch | list[Reject]] = [events] if len(events) else []
        return found + [list(part) for _, part in groupby(rejects, attrgetter("partition"))]

    return decode
