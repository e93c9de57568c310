"""Secrets of the store: encrypted, by keys that can be replaced."""

from __future__ import annotations

import pytest

from engine.application.control.memory_store import MemoryStore
from engine.application.control.reseal_secrets import reseal_secrets
from engine.application.control.secret_box import SecretBox
from engine.application.key_ring import keys_of, new_key
from engine.domain.control.secret import Secret
from engine.domain.errors import FatalError

OLD, NEW = bytes(32), bytes(range(32))


def test_a_secret_is_opened_by_its_key_under_its_name() -> None:
    box = SecretBox([OLD])

    sealed = box.seal("a", b"secret")

    assert box.open("a", sealed) == b"secret"
    assert "secret" not in sealed
    assert box.seal("a", b"secret") != sealed
    with pytest.raises(FatalError, match='secret "b" was changed'):
        box.open("b", sealed)
    with pytest.raises(FatalError, match="which the server does not have"):
        SecretBox([NEW]).open("a", sealed)


def test_the_first_key_encrypts_what_older_ones_had() -> None:
    store = MemoryStore()
    with store.writing() as work:
        work.secrets.put(Secret("a", SecretBox([OLD]).seal("a", b"secret"), 1))

    moved = reseal_secrets(store, SecretBox([NEW, OLD]), 2)
    again = reseal_secrets(store, SecretBox([NEW, OLD]), 3)

    with store.reading() as work:
        [found] = work.secrets.all("")
        actions = [one.entry.action for one in work.audit.all()]
    assert (moved, again, found.created) == (1, 0, 1)
    assert SecretBox([NEW]).open("a", found.sealed) == b"secret"
    assert actions == ["secrets.reseal"]


def test_secrets_of_another_key_are_left_alone() -> None:
    store = MemoryStore()
    secret = Secret("a", SecretBox([OLD]).seal("a", b"secret"), 1)
    with store.writing() as work:
        work.secrets.put(secret)

    with pytest.raises(FatalError, match="give all servers of a store the same keys"):
        reseal_secrets(store, SecretBox([NEW]), 2)

    with store.reading() as work:
        assert work.secrets.all("") == [secret]


def test_keys_are_read_between_commas_and_lines() -> None:
    first, second = new_key(), new_key()

    assert len(keys_of(f"{first},{second}\n")) == 2
    assert keys_of(f"{first}\n{second}\n") == [*keys_of(first), *keys_of(second)]


@pytest.mark.parametrize("text", ["", "\n", "short", "%%%", "A" * 40])
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(FatalError, match="openssl rand") as found:
        keys_of(text)

    assert not text.strip() or text not in str(found.value)
