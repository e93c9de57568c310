"""A manifest is read as it was written, or refused with its place."""

from __future__ import annotations

import random

import pytest

from connectors.kafka.manifest import Chunk, Manifest, decode, encode
from engine.domain.errors import SnapshotError

MANIFEST = Manifest(
    task="3",
    number=17,
    position=123_456,
    snapshot_position=120_000,
    snapshot_results=7,
    results=4_294_967_295,
    partitions=12,
    identity={"origin": {"topic_id": "x/y"}, "name": "p"},
    outputs={"anomalies": None},
    blobs={"detect": [Chunk("3/17-ab/detect/0", 99, 524_288, "0f")], "alert": []},
    earlier=["3/16-cd/detect/0"],
    writer="pynomaly-p-1f-0",
)


def test_reads_what_was_written() -> None:
    assert decode(encode(MANIFEST), "state[3]: offset 9") == MANIFEST


@pytest.mark.parametrize("seed", range(200))
def test_refuses_a_flipped_bit_with_its_place(seed: int) -> None:
    draw = random.Random(seed)
    data = bytearray(encode(MANIFEST))
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)

    with pytest.raises(SnapshotError, match=r"^state\[3\]: offset 9 is "):
        decode(bytes(data), "state[3]: offset 9")


@pytest.mark.parametrize("length", [0, 1, 20, 100])
def test_refuses_what_was_cut(length: int) -> None:
    with pytest.raises(SnapshotError):
        decode(encode(MANIFEST)[:length], "state[3]: offset 9")
