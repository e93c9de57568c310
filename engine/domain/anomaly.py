"""The anomaly: a flagged event with everything needed to act on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from math import log10

from engine.domain.alert_policy import Severity
from engine.domain.trace import Trace

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class DetectorPart:
    """The result of one detector: its raw score and p-value, and its weight.

    All None during its warm-up; the weights of the others sum to 1.
    """

    detector: str
    score: float | None
    p_value: float | None
    weight: float | None


@dataclass(frozen=True, slots=True)
class ValuePart:
    """One value of the event, its share of the deviation, and the range it was expected in.

    Attributes:
        value: None is a gap.
        contribution: 0..1, its part in the anomaly by the evidence that found it; sums to 1.
        expected_low, expected_high: the range that was normal at this moment by that evidence;
            None if the value has no history.
    """

    name: str
    value: float | None
    contribution: float
    expected_low: float | None
    expected_high: float | None


@dataclass(frozen=True, slots=True)
class Origin:
    """The position of the event in its source.

    Attributes:
        topic, partition, offset: of its message.
        index: its place in a message that was exploded; None if the message is the event.
    """

    topic: str
    partition: int
    offset: int
    index: int | None = None

    def document(self) -> dict[str, str | int]:
        """Return it as it is published: with an index only where there is one."""
        found: dict[str, str | int] = {
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
        }
        return found if self.index is None else found | {"index": self.index}


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A flagged event.

    Attributes:
        id: deterministic: a replayed event gives the same id.
        entity: its key.
        time: event time, ns since 1970.
        timestamp: the source's time of the message, ns since 1970, for latency.
        score: 0..1, see `anomaly_score`.
        p_value: the detectors combined.
        threshold: the p-value threshold in force; None with a raw score threshold.
        kind: what it is, one of `engine.domain.kinds.ALL_KINDS`.
        summary: one sentence for people.
        severity: how far beyond the threshold, and for how long.
        incident: id of the first anomaly of the run this one belongs to; its own id at onset.
        late: the event was older than the allowed lateness.
        pipeline: name of the pipeline.
        pipeline_version: digest of what decides its scores.
        suppressed_by: name of the silence that mutes it; None if none does.
        rule: the rule of the value that found it, or that it passed; None if there is none.
        context: the last values of the value to blame before the event, the oldest first, None for
            a gap; None if nobody asked.
        feedback: id of the feedback that says how much evidence it needed; None if none does.
        trace: the span that found it; None unless its batch is traced.
    """

    id: str
    entity: str
    time: int
    timestamp: int
    score: float
    p_value: float
    threshold: float | None
    kind: str
    summary: str
    severity: Severity
    incident: str
    late: bool
    values: tuple[ValuePart, ...]
    detectors: tuple[DetectorPart, ...]
    origin: Origin
    pipeline: str
    pipeline_version: str
    trace: Trace | None = None
    rule: Mapping[str, object] | None = None
    suppressed_by: str | None = None
    context: tuple[float | None, ...] | None = None
    feedback: str | None = None


def anomaly_id(pipeline: str, version: str, origin: Origin) -> str:
    """Return the deterministic id of the result of a pipeline for one event: 32 hex digits."""
    text = f"{pipeline}\0{version}\0{origin.topic}\0{origin.partition}\0{origin.offset}"
    if origin.index is not None:
        text += f"\0{origin.index}"
    return blake2b(text.encode(), digest_size=16).hexdigest()


def anomaly_score(p_value: float) -> float:
    """Map a p-value to a readable 0..1: a tenth per power of ten, 1 at 1e-10 and below."""
    return 1.0 if p_value <= 1e-10 else -log10(min(p_value, 1.0)) / 10 + 0.0
