"""Moves state that is not in a directory: its archive has the same format.

So state moves from one kind of store to the other, and one format of archives is enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.application.state.archive import read_archive, write_archive
from engine.application.state.directory import DirectoryStore
from engine.application.state.store import StoredState, StoredTask
from engine.application.telemetry.heartbeat import Heartbeat
from engine.domain.errors import FatalError


def export_stored(state: StoredState, archive: Path) -> int:
    """Write all that is stored into a new archive; return its bytes.

    Raises:
        PynomalyError: there is no state, the pipeline runs, or the archive exists already.
    """
    state.require_stopped()
    with TemporaryDirectory(dir=archive.parent, prefix=".export-") as folder:
        store = DirectoryStore(Path(folder), 0, Heartbeat())
        for found in filter(None, map(state.load, state.tasks())):
            _put(store, found)
        store.close()
        return write_archive(Path(folder), archive)


def import_stored(archive: Path, state: StoredState) -> int:
    """Restore the state of an archive; return its bytes.

    Raises:
        SnapshotError: the archive is damaged, or none of ours.
        PynomalyError: something is stored already, or the pipeline runs.
    """
    with TemporaryDirectory(dir=archive.parent, prefix=".import-") as folder:
        size = read_archive(archive, Path(folder))
        store = DirectoryStore(Path(folder), 0, Heartbeat())
        try:
            state.fill(_taken_out(store))
        finally:
            store.close()
    return size


def _put(store: DirectoryStore, found: StoredTask) -> None:
    store.load(found.task)
    for checkpoint in found.checkpoints():
        store.save([checkpoint], {})


def _taken_out(store: DirectoryStore) -> Iterator[StoredTask]:
    for task in store.tasks():
        found = store.load(task)
        assert found is not None
        if found.journal:
            raise FatalError(
                f"the archive holds messages of partition {task}, whose source cannot be read "
                "again: such state is kept in a directory"
            )
        yield found
        store.release([task])
