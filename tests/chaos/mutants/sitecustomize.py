"""Faults built into the engine on purpose, to see that the harness finds them.

Python imports this module by its name at the start of every process whose path leads here.
"""

import os
from typing import Any


def _no_read_back() -> None:
    from connectors.kafka.transactional_sink import TransactionalSink

    sink: Any = TransactionalSink
    sink.published = lambda *_: set()


def _no_flush() -> None:
    from connectors.kafka.sink import IdempotentPart

    part: Any = IdempotentPart
    part.snapshot = lambda _: None


def _offset_moved() -> None:
    from connectors.kafka.source import PartitionReader

    reader: Any = PartitionReader
    snapshot = reader.snapshot
    reader.snapshot = lambda self: snapshot(self) + 1


MUTANTS = {
    "no_read_back": _no_read_back,
    "no_flush": _no_flush,
    "offset_moved": _offset_moved,
}
"""Committed records are not read back; a checkpoint does not wait for delivery; the position that
is stored is one too far."""

if "PYNOMALY_CHAOS_MUTANT" in os.environ:
    MUTANTS[os.environ["PYNOMALY_CHAOS_MUTANT"]]()
