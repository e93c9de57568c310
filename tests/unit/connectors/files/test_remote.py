"""Files of other machines: stores that grow, that fail, and that do not answer."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.spec import AbstractFileSystem

from engine.domain.errors import ConnectorError
from tests.unit.connectors.files.test_dialects import batches, source, until

LINES = b"".join(b'{"id": %d}\n' % n for n in range(5_000))


def test_addresses_are_read_through_fsspec() -> None:
    with fsspec.open("memory://bucket/day/a.csv", "wb") as file:
        file.write(b"id,v\na,1\n")
    plugin = source("memory://bucket/day/*.csv")

    (batch,) = batches(plugin.source().build_part("s", "0", None))

    assert batch.values == [b'{"id":"a","v":1}']


class Unreachable(AbstractFileSystem):  # type: ignore[misc]
    """A store whose library has errors of its own, as botocore has."""

    protocol = "unreachable"

    def _open(self, path: str, *_args: Any, **_options: Any) -> Any:
        raise LookupError("Unable to locate credentials")

    def ls(self, path: str, detail: bool = True, **_options: Any) -> Any:
        raise LookupError("Unable to locate credentials")


@pytest.mark.parametrize("path", ["unreachable://b/a.csv", "unreachable://b/*.csv"])
def test_a_store_that_cannot_be_reached_is_named(path: str) -> None:
    fsspec.register_implementation("unreachable", Unreachable, clobber=True)

    with pytest.raises(ConnectorError, match="Unable to locate credentials: correct the address"):
        source(path).check(10)


def test_a_remote_file_that_is_missing_is_named() -> None:
    with pytest.raises(ConnectorError, match=r"no file matches .*none\.csv"):
        source("memory://bucket/none.csv").check(10)


class Cut(io.BytesIO):
    """A file whose connection is cut in each second read."""

    def __init__(self, store: type[Store], data: bytes) -> None:
        super().__init__(data)
        self._store = store

    def read(self, size: int | None = -1, /) -> bytes:
        store = self._store
        store.reads += 1
        if store.is_away or store.reads % 2:
            raise LookupError("the connection was cut")
        return super().read(min(size or 1_000, 1_000))


class Store(AbstractFileSystem):  # type: ignore[misc]
    """A store that keeps listings, as that of S3 does, and may be away."""

    protocol = "store"
    cachable = False
    files: ClassVar[dict[str, bytes]] = {}
    is_away = False
    reads = 0
    kept: ClassVar[dict[str, Any]] = {}

    def _open(self, path: str, *_args: Any, **_options: Any) -> Any:
        return Cut(Store, self.files[path])

    def ls(self, path: str, detail: bool = True, **_options: Any) -> Any:
        if self.is_away:
            raise LookupError("no answer")
        found = [
            {"name": name, "size": len(data), "type": "file"} for name, data in self.files.items()
        ]
        found = self.kept.setdefault(path, found)
        return found if detail else [one["name"] for one in found]

    def invalidate_cache(self, path: str | None = None) -> None:
        self.kept.clear()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Store]]:
    monkeypatch.setattr("connectors.files.remote.WAIT_SECONDS", (0.0, 0.0))
    monkeypatch.setattr("connectors.files.follow.REMOTE_SEARCH_SECONDS", 0.0)
    fsspec.register_implementation("store", Store, clobber=True)
    Store.files, Store.is_away, Store.reads, Store.kept = {"b/a.ndjson": LINES}, False, 0, {}
    yield Store
    Store.is_away = False


def test_a_connection_that_is_cut_is_read_on(store: type[Store]) -> None:
    part = source("store://b/*.ndjson").source().build_part("s", "0", None)

    found = batches(part)

    assert [value for batch in found for value in batch.values] == LINES.splitlines()


@pytest.mark.parametrize("follow", [False, True])
def test_a_store_that_does_not_answer_for_a_while_is_waited_for(
    store: type[Store], caplog: pytest.LogCaptureFixture, follow: bool
) -> None:
    store.files["b/b.ndjson"] = LINES
    plugin = source("store://b/*.ndjson", follow=follow)
    part = plugin.source().build_part("s", "0", None)
    first = part.next_batch() if follow else []
    store.is_away = True

    waited = [part.next_batch() for _ in range(3)]
    again = part.next_awake()
    store.is_away = False
    rest = until(part, 10_000 - sum(map(len, first))) if follow else batches(part)

    assert (waited, again is not None) == ([[], [], []], True)
    assert part.next_awake() is None
    assert len([text for text in caplog.messages if "; retrying, for 0 s now" in text]) == 1
    assert "reading goes on after" in caplog.text
    values = [value for batch in (*first, *rest) for value in batch.values]
    assert values == LINES.splitlines() * (2 if follow else 1)


def test_files_that_come_to_a_store_are_found_though_it_keeps_listings(store: type[Store]) -> None:
    part = source("store://b/*.ndjson", follow=True).source().build_part("s", "0", None)
    until(part, 5_000)
    store.files["b/b.ndjson"] = LINES

    found = until(part, 5_000)

    assert sum(map(len, found)) == 5_000


def test_an_object_that_grows_is_read_on_if_it_is_the_last(
    store: type[Store], caplog: pytest.LogCaptureFixture
) -> None:
    part = source("store://b/*.ndjson", follow=True).source().build_part("s", "0", None)
    until(part, 5_000)
    store.files["b/a.ndjson"] = LINES + b"{}\n" * 70
    found = until(part, 70)
    store.files["b/b.ndjson"] = LINES
    until(part, 5_000)
    store.files["b/a.ndjson"] = LINES + b"{}\n" * 90
    more = [part.next_batch() for _ in range(4)]

    assert [value for batch in found for value in batch.values] == [b"{}"] * 70
    assert [batch for batch in more if batch] == []
    assert "store://b/a.ndjson has changed after it was read: what is new" in caplog.text
    assert caplog.text.count("has changed after") == 1


def test_a_store_that_was_never_reached_ends_the_run(store: type[Store]) -> None:
    store.is_away = True
    part = source("store://b/*.ndjson", follow=True).source().build_part("s", "0", None)

    with pytest.raises(ConnectorError, match="no answer: correct the address"):
        part.next_batch()


def test_a_pattern_that_nothing_matches_yet_is_waited_for(
    store: type[Store], caplog: pytest.LogCaptureFixture
) -> None:
    store.files = {}
    part = source("store://b/*.ndjson", follow=True).source().build_part("s", "0", None)

    found = [*part.next_batch(), *part.next_batch()]
    store.files = {"b/a.ndjson": LINES}

    assert found == []
    assert caplog.messages == ['no file matches "store://b/*.ndjson" yet: waiting for one']
    assert sum(map(len, until(part, 5_000))) == 5_000
