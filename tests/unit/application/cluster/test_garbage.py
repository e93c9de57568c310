from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from engine.application.cluster.garbage import NEW_OBJECTS, collect_rarely


class Node:
    """A part of a cycle."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


def test_cycles_are_freed_after_many_new_objects() -> None:
    collect_rarely()
    node = Node()
    alive = weakref.ref(node)
    del node

    kept = [[] for _ in range(NEW_OBJECTS + 1_000)]  # type: ignore[var-annotated]

    assert alive() is None
    assert kept


def test_a_batch_of_messages_is_not_looked_through() -> None:
    collect_rarely()
    before = gc.get_stats()[0]["collections"]

    messages = [[] for _ in range(NEW_OBJECTS // 2)]  # type: ignore[var-annotated]

    assert gc.get_stats()[0]["collections"] == before
    assert messages
