"""The journal of a task: messages that came since its state was stored whole, kept as bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import orjson

from engine.domain import snapshot
from engine.domain.batch import RawBatch

KIND = "messages"


def encode(batches: Sequence[RawBatch]) -> bytes:
    """Return some batches of one partition as versioned bytes, without their headers."""
    values = [value for batch in batches for value in batch.values]
    parts: dict[str, snapshot.Part] = {
        "topic": batches[0].topic.encode(),
        "partition": np.array([batches[0].partition], np.int64),
        "offsets": np.concatenate([batch.offsets for batch in batches]),
        "timestamps": np.concatenate([batch.timestamps for batch in batches]),
        **_texts("values", values),
    }
    if all(batch.keys is not None for batch in batches):
        parts |= _texts("keys", [key for batch in batches for key in batch.keys or ()])
    return snapshot.encode(KIND, parts)


def decode(blob: bytes) -> RawBatch:
    """Return what was encoded, as one batch.

    Raises:
        SnapshotError: it is corrupt.
    """
    parts = snapshot.decode(KIND, blob)
    return RawBatch(
        topic=bytes(parts["topic"]).decode(),
        partition=int(np.asarray(parts["partition"])[0]),
        offsets=np.asarray(parts["offsets"], np.int64),
        timestamps=np.asarray(parts["timestamps"], np.int64),
        values=_read_texts("values", parts),
        keys=_read_texts("keys", parts) if "keys" in parts else None,
    )


def _texts(name: str, texts: Sequence[bytes | None]) -> dict[str, snapshot.Part]:
    lengths = [-1 if text is None else len(text) for text in texts]
    return {name: b"".join(filter(None, texts)), f"{name}.lengths": orjson.dumps(lengths)}


def _read_texts(name: str, parts: dict[str, snapshot.Part]) -> list[bytes | None]:
    joined, found, start = bytes(parts[name]), list[bytes | None](), 0
    for length in orjson.loads(bytes(parts[f"{name}.lengths"])):
        found.append(None if length < 0 else joined[start : start + length])
        start += max(length, 0)
    return found
