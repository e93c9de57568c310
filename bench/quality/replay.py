"""Replay: a series through the steps that production runs, as a pipeline file asks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import process_time

import numpy as np

from bench.quality.series import Replayed, Series
from engine.application import registry
from engine.application.config.pipeline_file import PipelineFile
from engine.application.ports import RunContext
from engine.domain.batch import EventBatch
from engine.domain.detector import ExplainingDetector
from engine.domain.pipeline import Pipeline

THRESHOLD = 1e-3
"""The p-value at which the decision is judged: a budget of 1.4 a day at an event a minute."""
POLICY = {"p_value": THRESHOLD}
DEFAULT_POLICY = {"budget": "10/day"}
BATCH = 4_000


def pipeline(
    detector: str,
    parameters: Mapping[str, object],
    values: int,
    policy: Mapping[str, object] = POLICY,
) -> Pipeline:
    """Return the pipeline of a file that names one detector and an alert policy.

    Raises:
        ValidationError: there is no such detector, or it does not take the parameters.
    """
    file = PipelineFile.model_validate(
        {
            "name": "quality",
            "source": {"stdin": {}},
            "event": {"key": "series", "values": [f"v{j}" for j in range(values)]},
            "detectors": [{detector: dict(parameters)}],
            "alert": dict(policy),
            "sinks": {"anomalies": {"stdout": {}}},
            "state": {"directory": "unused", "memory_limit": "256MiB"},
        }
    )
    return file.pipeline()


def replay(
    detector: str, parameters: Mapping[str, object], series: Sequence[Series]
) -> list[Replayed]:
    """Stream each series through steps of its own: each event scored, then learned, then judged."""
    rules: dict[int, tuple[Pipeline, Pipeline]] = {}
    found = []
    for one in series:
        values = one.values.shape[1]
        if values not in rules:
            rules[values] = (
                pipeline(detector, parameters, values),
                pipeline(detector, parameters, values, DEFAULT_POLICY),
            )
            _stream(*rules[values], one, min(BATCH, len(one)))  # compiles what is not yet compiled
        found.append(_stream(*rules[values], one, len(one)))
    return found


def _stream(rules: Pipeline, usual: Pipeline, series: Series, n: int) -> Replayed:
    context = RunContext("quality")
    detect = registry.step("detect")(rules, context)(1)
    alert = registry.step("alert")(rules, context)(1)
    send = registry.step("alert")(usual, context)(1)
    raw, p_values = np.empty(n), np.empty(n)
    alerts, messages = np.zeros(n, bool), np.zeros(n, bool)
    seconds = 0.0
    for start in range(0, n, BATCH):
        events = events_of(series, slice(start, min(start + BATCH, n)))
        began = process_time()
        batches = detect.process([events])
        seconds += process_time() - began
        for batch in batches:
            rows = batch.events.offsets
            raw[rows], p_values[rows] = batch.scores[:, 0], batch.p_value
            for explanation in batch.explanations.values():
                p_values[rows] = explanation.onset_p_values
        for step, flags in ((alert, alerts), (send, messages)):
            for anomalies in step.process(batches):
                flags[[anomaly.origin.offset for anomaly in anomalies]] = True
    decimal = isinstance(rules.detectors[0], ExplainingDetector)
    if decimal:
        # The policy names every event of an anomaly that lasts; here it counts where it begins.
        alerts &= p_values <= THRESHOLD
    return Replayed(raw, p_values, alerts, messages, seconds, decimal)


def events_of(series: Series, rows: slice) -> EventBatch:
    """Return rows of a series as events, whose offsets are their rows."""
    offsets = np.arange(rows.start, rows.stop)
    keys = np.full(len(offsets), series.name, object)
    times = series.times[rows]
    partitions = np.zeros(len(offsets), np.int32)
    return EventBatch("quality", keys, times, series.values[rows], partitions, offsets, times)
