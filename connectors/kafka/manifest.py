"""The manifest of a task's checkpoint in Kafka: what is stored, where, and how it is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

import orjson

from engine.domain.errors import SnapshotError

MAGIC = b"pynomaly-manifest"
VERSION = 1
DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a snapshot.

    Attributes:
        key: of its record.
        offset: of its record.
        size: bytes.
        digest: of its bytes, hexadecimal.
    """

    key: str
    offset: int
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one checkpoint of a task consists of.

    Attributes:
        task: name of the task.
        number: of the checkpoint, counted from 1.
        position: where the source goes on.
        snapshot_position, snapshot_results: the position and the digest that it belongs to.
        results: rolling digest of the results so far.
        partitions: of the source, then.
        identity: what the state was made by.
        outputs: where each output stood.
        blobs: the snapshot: for each step the chunks of its blob, in their order.
        earlier: keys of the chunks of the snapshot before, to be removed after the next one.
        writer: transactional id of who stored it.
    """

    task: str
    number: int
    position: Any
    snapshot_position: Any
    snapshot_results: int
    results: int
    partitions: int
    identity: Mapping[str, Any]
    outputs: Mapping[str, Any]
    blobs: Mapping[str, Sequence[Chunk]]
    earlier: Sequence[str]
    writer: str


def digest(data: bytes | memoryview) -> str:
    """Return the checksum of some bytes."""
    return blake2b(data, digest_size=DIGEST_BYTES).hexdigest()


def encode(manifest: Manifest) -> bytes:
    """Write a manifest, with its checksum."""
    body = orjson.dumps(asdict(manifest))
    return b"%s %d %s\n%s" % (MAGIC, VERSION, digest(body).encode(), body)


def decode(data: bytes, where: str) -> Manifest:
    """Read a manifest.

    Args:
        data: as `encode` wrote it.
        where: its place, for the error.

    Raises:
        SnapshotError: it is damaged, or of a newer program.
    """
    head, _, body = data.partition(b"\n")
    words = head.split(b" ")
    if len(words) != 3 or words[0] != MAGIC:
        raise SnapshotError(f"{where} is not a manifest of a checkpoint: its beginning is damaged")
    if words[1] != b"%d" % VERSION:
        raise SnapshotError(
            f"{where} is of version {words[1].decode('ascii', 'replace')}, this program knows "
            f"{VERSION}: run the newer program that stored it"
        )
    if words[2].decode("ascii", "replace") != digest(body):
        raise SnapshotError(f"{where} is corrupt: its checksum does not match")
    found = orjson.loads(body)
    blobs = {
        step: [Chunk(**chunk) for chunk in chunks] for step, chunks in found.pop("blobs").items()
    }
    return Manifest(**found, blobs=blobs)
