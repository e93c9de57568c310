from __future__ import annotations

from pathlib import Path

import pytest

from engine.application.state.durable import Syncs
from engine.application.state.group_file import GroupFile, Reference
from engine.domain.errors import SnapshotError


def written(directory: Path, *blobs: bytes) -> GroupFile:
    file, syncs = GroupFile(directory), Syncs()
    for blob in blobs:
        file.append(blob, syncs)
    syncs.finish()
    return file


def test_what_was_stored_comes_back_in_order(tmp_path: Path) -> None:
    file = written(tmp_path, b"whole", b"some", b"more")
    again = GroupFile(tmp_path, Reference(file.name, file.length))
    assert list(again.blobs()) == [b"whole", b"some", b"more"]


def test_what_was_written_behind_does_not_count(tmp_path: Path) -> None:
    file = written(tmp_path, b"whole")
    earlier = Reference(file.name, file.length)
    syncs = Syncs()
    file.append(b"never referred to", syncs)
    again = GroupFile(tmp_path, earlier)
    assert list(again.blobs()) == [b"whole"]
    again.append(b"some", syncs)
    syncs.finish()
    assert list(again.blobs()) == [b"whole", b"some"]


@pytest.mark.parametrize("more", [-3, 3])
def test_a_length_at_which_no_blob_ends_is_refused(tmp_path: Path, more: int) -> None:
    file = written(tmp_path, b"whole", b"some")
    with pytest.raises(SnapshotError, match="corrupt"):
        list(GroupFile(tmp_path, Reference(file.name, file.length + more)).blobs())
