"""A lease: who has it, and when another server takes it."""

from __future__ import annotations

from engine.application.control.lease import LEASE_NS, Lease
from engine.application.control.memory_store import MemoryStore

NOW = 1_796_000_000 * 10**9


def test_one_of_two_servers_has_the_lease() -> None:
    store = MemoryStore()
    first, second = Lease(store, "audit"), Lease(store, "audit")

    assert first.is_ours(NOW)
    assert not second.is_ours(NOW)
    assert first.is_ours(NOW + LEASE_NS // 4)


def test_a_lease_that_is_used_is_renewed() -> None:
    store = MemoryStore()
    first, second = Lease(store, "audit"), Lease(store, "audit")
    first.is_ours(NOW)

    renewed = first.is_ours(NOW + LEASE_NS * 3 // 4)

    assert renewed
    assert not second.is_ours(NOW + LEASE_NS * 3 // 2)


def test_the_lease_of_a_server_that_is_gone_is_taken() -> None:
    store = MemoryStore()
    first, second = Lease(store, "audit"), Lease(store, "audit")
    first.is_ours(NOW)
    later = NOW + 2 * LEASE_NS

    taken = second.is_ours(later)

    assert taken
    assert not first.is_ours(later)


def test_a_released_lease_is_taken_at_once() -> None:
    store = MemoryStore()
    first, second = Lease(store, "audit"), Lease(store, "audit")
    first.is_ours(NOW)

    first.release()

    assert second.is_ours(NOW)
    assert not first.is_ours(NOW)
