"""One Kafka broker for all worker processes of a test run."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_cluster import KafkaCluster

POLL_SECONDS = 0.2


@contextmanager
def shared_broker(folder: Path) -> Iterator[KafkaCluster]:
    """Start a broker, or join the one that another process has started in this folder.

    The process that started it stops it, when no other one uses it any more.

    Args:
        folder: common to the processes.
    """
    address = folder / "kafka-address"
    with (folder / "kafka-lock").open("w") as lock, (folder / "kafka-users").open("w") as users:
        fcntl.flock(lock, fcntl.LOCK_EX)
        started = None if address.exists() else KafkaBroker().__enter__()
        try:
            if started is not None:
                address.write_text(started.bootstrap)
            fcntl.flock(users, fcntl.LOCK_SH)
            fcntl.flock(lock, fcntl.LOCK_UN)
            yield started or KafkaCluster(address.read_text())
            if started is not None:
                _withdraw(address, lock, users)
        finally:
            if started is not None:
                started.close()


def _withdraw(address: Path, lock: IO[str], users: IO[str]) -> None:
    """Wait until no other process uses the broker, and let none join."""
    while True:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(lock, fcntl.LOCK_UN)
            time.sleep(POLL_SECONDS)
        else:
            address.unlink()
            fcntl.flock(lock, fcntl.LOCK_UN)
            return
