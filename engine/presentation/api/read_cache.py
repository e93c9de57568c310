"""What is kept of reads for a generation of the store: who a token is of, and rendered pages."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

from cachetools import LRUCache

from engine.application.control.caller import Caller
from engine.domain.control.session import Session
from engine.presentation.api.generations import Generation

T = TypeVar("T")
Header = tuple[bytes, bytes]
READING = "reading"
"""Where endpoints find the reading, in the state of the request."""
MOST_BYTES = 64 * 2**20
"""Of all rendered pages together."""
MOST_TOKENS = 10_000
GZIP_FROM = 1_000
"""Bytes: compressing less does not pay."""


@dataclass(slots=True)
class Reading:
    """A request that reads.

    Attributes:
        generation: of the store when it came.
        shown: the headers that say who sends it.
        caller: who that is, once it is known.
        is_kept: whether its reply may be given again, to whoever may see the same.
        is_counted: whether it counts towards the limit of its caller already.
    """

    generation: Generation
    shown: tuple[bytes, ...]
    caller: Caller | None = None
    is_kept: bool = False
    is_counted: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """Who shows a token.

    Attributes:
        caller: who it is.
        session: that the token is of; None for an API token.
        until: when the token expires, ns since 1970.
    """

    caller: Caller
    session: Session | None
    until: int


class Page:
    """A rendered reply.

    Args:
        headers: without those that its encoding decides.
        body: of the reply.
        route: that made it, for metrics.
    """

    def __init__(self, headers: list[Header], body: bytes, route: object) -> None:
        self._digest = hashlib.sha256(body).hexdigest()[:32]
        self._headers = headers
        self._body = body
        self.route = route

    @cached_property
    def plain(self) -> Variant:
        """The reply as it is."""
        return Variant(self._headers, self._body, f'"{self._digest}"')

    @cached_property
    def compressed(self) -> Variant:
        """The reply for those who accept gzip."""
        if len(self._body) < GZIP_FROM:
            return self.plain
        headers = [*self._headers, (b"content-encoding", b"gzip")]
        body = gzip.compress(self._body, 1, mtime=0)
        return Variant(headers, body, f'"{self._digest}-gzip"')

    @property
    def size(self) -> int:
        """Bytes of it, about."""
        return 2 * len(self._body) + 1_000


class Variant:
    """A reply in one encoding.

    Args:
        headers: without those that follow from the others.
        body: of the reply.
        etag: strong, so another one for each encoding.
    """

    def __init__(self, headers: list[Header], body: bytes, etag: str) -> None:
        self.etag = etag
        self.body = body
        validators = [
            (b"etag", etag.encode()),
            (b"cache-control", b"private, no-cache"),
            (b"vary", b"Accept-Encoding, Authorization, Cookie"),
        ]
        self.headers = [*headers, *validators, (b"content-length", str(len(body)).encode())]
        self.unchanged = validators


class Kept(Generic[T]):
    """Values of one generation of the store.

    Args:
        most: the sum of their sizes.
        size_of: returns the size of one.
        count: called with whether a value was there.
    """

    def __init__(
        self, most: int, size_of: Callable[[T], int], count: Callable[[bool], None]
    ) -> None:
        self._values: LRUCache[Hashable, T] = LRUCache(most, size_of)
        self._most = most
        self._size_of = size_of
        self._generation = 0
        self._count = count

    def get(self, generation: int, key: Hashable) -> T | None:
        """Return a value that is as new as a generation, or newer."""
        self._pass_to(generation)
        found = self._values.get(key)
        self._count(found is not None)
        return found

    def put(self, generation: int, key: Hashable, value: T) -> None:
        """Keep a value that was read in a generation."""
        self._pass_to(generation)
        # What was read before a change is gone with it.
        if generation == self._generation and self._size_of(value) <= self._most:
            self._values[key] = value

    def _pass_to(self, generation: int) -> None:
        if generation > self._generation:
            self._generation = generation
            self._values.clear()


@dataclass
class ReadCache:
    """What is kept of reads.

    Attributes:
        count: called at each look, with what was looked for and whether it was there.
    """

    count: Callable[[str, bool], None] = field(default=lambda _name, _was_there: None)

    def __post_init__(self) -> None:
        """Make what is kept."""
        self.identities: Kept[Identity] = Kept(
            MOST_TOKENS, lambda _: 1, lambda found: self.count("identities", found)
        )
        self.pages: Kept[Page] = Kept(
            MOST_BYTES, lambda page: page.size, lambda found: self.count("pages", found)
        )
