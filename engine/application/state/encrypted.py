"""Encrypts state at rest: a decorator around each state store (`state.encryption_key`).

Snapshots and journals are encrypted; positions, sizes and names of partitions are not. State that
was stored before a key was given is read as it is, and encrypted when it is stored next.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from engine.application.config.pipeline_file import PipelineFile
from engine.application.key_ring import ChangedError, KeyRing, UnknownKeyError, keys_of
from engine.application.state.store import (
    Checkpoint,
    Json,
    KeepingStore,
    StateStore,
    StoredTask,
)
from engine.application.state.task_file import JOURNAL
from engine.domain.errors import SnapshotError

MAGIC = b"PYNE1:"
NAME_BYTES = 8
"""Of the name of a key."""
NO_KEYS = "set state.encryption_key"
OTHER_KEYS = "add that key to state.encryption_key, behind the present one"

logger = logging.getLogger("pynomaly.state")


class StateCipher:
    """Encrypts and decrypts blobs of tasks.

    Args:
        ring: of the keys; None stores as it is, and refuses what is encrypted.
    """

    def __init__(self, ring: KeyRing | None) -> None:
        self._ring = ring

    def encrypted(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return a checkpoint as it is stored."""
        task, snapshot, journal = checkpoint.task, checkpoint.snapshot, checkpoint.journal
        if snapshot is not None:
            snapshot = {name: self._encrypt(task, name, blob) for name, blob in snapshot.items()}
        if journal is not None:
            journal = self._encrypt(task, JOURNAL, journal)
        return replace(checkpoint, snapshot=snapshot, journal=journal)

    def decrypted(self, stored: StoredTask) -> StoredTask:
        """Return a task as it was before it was stored.

        Raises:
            SnapshotError: its key is not known, or it was changed.
        """
        return replace(
            stored,
            snapshot=self.decrypt_all(stored.task, stored.snapshot),
            journal=[self.decrypt(stored.task, JOURNAL, blob) for blob in stored.journal],
        )

    def decrypt_all(self, task: str, blobs: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the state of each step, decrypted; see `decrypt`."""
        return {name: self.decrypt(task, name, blob) for name, blob in blobs.items()}

    def decrypt(self, task: str, name: str, blob: bytes) -> bytes:
        """Return a blob as it was before it was stored.

        Raises:
            SnapshotError: its key is not known, or it was changed.
        """
        if not blob.startswith(MAGIC):
            return blob
        begin = len(MAGIC) + NAME_BYTES
        key = blob[len(MAGIC) : begin].decode("ascii", "replace")
        try:
            if self._ring is None:
                raise UnknownKeyError(key)
            return self._ring.decrypt(key, _name(task, name), blob[begin:])
        except UnknownKeyError:
            cure = NO_KEYS if self._ring is None else OTHER_KEYS
            raise SnapshotError(
                f"the stored state of partition {task} is encrypted with the key {key}: {cure}"
            ) from None
        except ChangedError:
            raise SnapshotError(
                f"the stored state of partition {task} was changed, or is that of another "
                "partition. Put back a copy, or start afresh with `pynomaly state reset`"
            ) from None

    def _encrypt(self, task: str, name: str, blob: bytes) -> bytes:
        if self._ring is None:
            return blob
        head = MAGIC + self._ring.first.encode()
        return head + self._ring.encrypt(_name(task, name), blob)


class EncryptedStore:
    """A process's side of a store that is encrypted; see `StateStore`.

    Args:
        store: that keeps what is encrypted.
        cipher: encrypts it.
    """

    def __init__(self, store: StateStore, cipher: StateCipher) -> None:
        self._store = store
        self._cipher = cipher

    def load(self, task: str) -> StoredTask | None:
        """Restore a task."""
        found = self._store.load(task)
        return None if found is None else self._cipher.decrypted(found)

    def save(self, checkpoints: Sequence[Checkpoint], outputs: Mapping[str, Json]) -> None:
        """Store checkpoints."""
        self._store.save(list(map(self._cipher.encrypted, checkpoints)), outputs)

    def earlier(self, task: str) -> Iterator[Mapping[str, bytes]]:
        """Yield the whole states of a task that are kept; see `KeepingStore`."""
        if not isinstance(self._store, KeepingStore):
            return
        for blobs in self._store.earlier(task):
            try:
                yield self._cipher.decrypt_all(task, blobs)
            except SnapshotError as error:
                logger.error("a kept checkpoint is left out: %s", error)

    def tasks(self) -> Sequence[str]:
        """Return the names of all tasks of which anything is stored."""
        return self._store.tasks()

    def release(self, tasks: Sequence[str]) -> None:
        """Release tasks."""
        self._store.release(tasks)

    def close(self) -> None:
        """Release all resources."""
        self._store.close()


def cipher_of(file: PipelineFile) -> StateCipher:
    """Return what encrypts and decrypts the state of a pipeline."""
    key = file.state.encryption_key
    return StateCipher(None if key is None else KeyRing(keys_of(key.get_secret_value())))


def _name(task: str, blob: str) -> str:
    return f"{task}\0{blob}"
