"""State that is encrypted: what comes back by which key, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.application.key_ring import KeyRing
from engine.application.state.contents import read_contents
from engine.application.state.directory import TASKS, DirectoryStore
from engine.application.state.encrypted import EncryptedStore, StateCipher
from engine.application.state.snapshots import read_snapshots
from engine.application.state.store import Checkpoint, StoredTask
from engine.application.telemetry.heartbeat import Heartbeat
from engine.domain import snapshot
from engine.domain.errors import SnapshotError

OLD, NEW = bytes(32), bytes(range(32))
DETECT = snapshot.encode("detect", {"entities/keys": b'["pump-1"]'})
WHOLE = Checkpoint("0", 1, {"detect": DETECT}, None, 7, 3, {"name": "p"})
LATER = Checkpoint("0", 2, None, b"pump-1: 20.5", 8, 3, {"name": "p"})


def cipher(*keys: bytes) -> StateCipher:
    return StateCipher(KeyRing(keys) if keys else None)


def save(directory: Path, checkpoints: list[Checkpoint], *keys: bytes, keep: int = 0) -> None:
    with_it = EncryptedStore(DirectoryStore(directory, 0, Heartbeat(), keep=keep), cipher(*keys))
    for one in checkpoints:
        with_it.load(one.task)
        with_it.save([one], {})
    with_it.close()


def load(directory: Path, *keys: bytes) -> StoredTask:
    with_it = EncryptedStore(DirectoryStore(directory, 0, Heartbeat()), cipher(*keys))
    try:
        found = with_it.load("0")
    finally:
        with_it.close()
    assert found is not None
    return found


def stored_bytes(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((directory / TASKS).glob("0+*")))


def test_nothing_of_events_can_be_read_without_the_key(tmp_path: Path) -> None:
    save(tmp_path, [WHOLE, LATER], OLD)

    found = load(tmp_path, OLD)

    assert (found.snapshot, list(found.journal)) == ({"detect": DETECT}, [b"pump-1: 20.5"])
    assert b"pump" not in stored_bytes(tmp_path)


def test_commands_read_it_by_the_key(tmp_path: Path) -> None:
    save(tmp_path, [WHOLE], OLD)

    contents = read_contents(tmp_path, cipher(OLD))
    [found] = read_snapshots(tmp_path, cipher(OLD))

    assert contents.entities == 1
    assert found.blobs == {"detect": DETECT}
    with pytest.raises(SnapshotError, match=r"set state\.encryption_key"):
        read_contents(tmp_path, cipher())


def test_a_new_key_encrypts_and_the_old_one_still_decrypts(tmp_path: Path) -> None:
    save(tmp_path, [WHOLE], OLD)

    before = load(tmp_path, NEW, OLD)
    save(tmp_path, [WHOLE], NEW, OLD)

    assert before.snapshot == load(tmp_path, NEW).snapshot == {"detect": DETECT}


def test_state_from_before_a_key_was_given_is_read_and_then_encrypted(tmp_path: Path) -> None:
    save(tmp_path, [WHOLE])

    before = load(tmp_path, OLD)
    save(tmp_path, [WHOLE], OLD)

    assert before.snapshot == {"detect": DETECT}
    assert b"pump" not in stored_bytes(tmp_path)


def test_a_wrong_key_and_a_missing_one_are_named(tmp_path: Path) -> None:
    save(tmp_path, [WHOLE], OLD)
    name = KeyRing([OLD]).first

    with pytest.raises(SnapshotError, match=f"partition 0 is encrypted with the key {name}: add"):
        load(tmp_path, NEW)
    with pytest.raises(SnapshotError, match=f"the key {name}: set state[.]encryption_key"):
        load(tmp_path)


def test_state_of_another_partition_is_refused() -> None:
    sealed = cipher(OLD).encrypted(WHOLE).snapshot
    assert sealed is not None

    with pytest.raises(SnapshotError, match="partition 1 was changed, or is that of another"):
        cipher(OLD).decrypt_all("1", sealed)


def test_kept_checkpoints_are_decrypted(tmp_path: Path) -> None:
    save(tmp_path, [WHOLE], OLD, keep=2)
    with_it = EncryptedStore(DirectoryStore(tmp_path, 0, Heartbeat(), keep=2), cipher(OLD))

    earlier = list(with_it.earlier("0"))
    with_it.close()

    assert earlier == [{"detect": DETECT}]
