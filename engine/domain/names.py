"""Names that several packages share: of sinks, and of the headers of what they are given."""

from __future__ import annotations

ANOMALIES, INCIDENTS = "anomalies", "incidents"
SCORES, DEAD_LETTERS = "scores", "dead_letters"
"""What sinks take: their roles in a pipeline file."""

REPARTITION = "repartition"
"""What the topic takes that messages are re-keyed through."""

HEADER_PREFIX = "pynomaly-"
"""Prefix of our headers of records."""
ID_HEADER = f"{HEADER_PREFIX}id"
"""Of every record: its deterministic id."""
SCHEMA_HEADER = f"{HEADER_PREFIX}schema-version"
"""Of anomalies and scores: their value is JSON of this version of the schema."""
REASON_HEADER = f"{HEADER_PREFIX}reason"
"""Of dead letters: why the message was rejected."""
REDRIVEN_HEADER = f"{HEADER_PREFIX}redriven"
"""Of messages that were dead letters: the dead letter's id; and beside the dead letters, of a
record without payload that says so."""
ELEMENT_HEADER = f"{HEADER_PREFIX}element"
"""Of such a message that is an element of an exploded one, as JSON: its index."""
SAMPLES_HEADER = f"{HEADER_PREFIX}samples"
"""Of such an element, and of its dead letter: how many `event.time.step` it is behind the time of
its message, as 3 or 0-3,7."""
ORIGIN_HEADER, ORIGINAL_KEY_HEADER = f"{HEADER_PREFIX}origin", f"{HEADER_PREFIX}key"
"""Of re-keyed messages, behind those of its sender: topic/partition/offset of the message, and the
key that it had, if it had one."""
INDICES_HEADER = f"{HEADER_PREFIX}indices"
"""Of re-keyed messages with several events, before their origin: which of them are of this entity,
as 0-3,7."""
TRUNCATED_HEADER = f"{HEADER_PREFIX}truncated"
"""Of dead letters that were too large for the topic: how many bytes the message had."""
DEAD_LETTER_HEADERS = (
    "id",
    "reason",
    "detail",
    "topic",
    "partition",
    "offset",
    "timestamp",
    "pipeline",
    "index",
    "elements",
    "samples",
)
"""Headers of a dead letter in their order, without the prefix, behind those of its sender; the last
three are there for elements of an exploded message alone."""


def role_of(sink: str) -> str:
    """Return what a sink takes, by its name: "anomalies" of "anomalies.kafka"."""
    return sink.partition(".")[0]
