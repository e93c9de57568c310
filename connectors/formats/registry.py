"""Schemas of a registry with Confluent's API: fetched once, cached, and refused with care."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Generic, TypeVar

import numpy as np
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError

from connectors.formats.cursor import OneByOneError
from connectors.formats.registry_answers import (
    NONSENSE,
    REFUSALS,
    is_outage,
    is_unknown,
    meaning,
    once,
)
from connectors.formats.registry_settings import RegistrySettings
from connectors.formats.schema_id import MAGIC_ID, schema_id
from engine.domain.batch import Headers
from engine.domain.errors import ConnectorError, RetryableError
from engine.domain.finding import RejectReason
from engine.domain.format import Columns, FormatError, NotYetError

log = logging.getLogger(__name__)

WAIT_SECONDS = (0.1, 0.2)
"""Seconds between attempts while the registry fails at once; the stream waits for longer."""
LONGEST_SECONDS = 1.0
"""Seconds of asking after which there is no further attempt: it is slow, and not unlucky."""
MOST_PATIENCE_SECONDS = 30.0
"""Seconds that a request may take after others were too slow; a drain does not wait for longer."""
UNKNOWN_WAIT_SECONDS = 0.3
"""Seconds until an unknown id is asked for again: replicas of a registry lag behind."""
MOST_ASKED_AGAIN = 10
"""Unknown ids in a row that are asked for again: with more of them it is not for a replica."""
UNKNOWN_SECONDS = 30.0
"""Seconds since the last of the unknown ids that none of them is asked for any more."""
SLOW_SECONDS, WARN_SECONDS = 3.0, 60.0
"""Seconds that a schema may take without a warning, and between two of them."""
SLICE_SECONDS = 5.0
"""Seconds of asking, of all schemas together, after which the stream shows that it lives."""
MOST_UNKNOWN_IDS = 100_000
Read = TypeVar("Read")


class Schemas(Generic[Read]):
    """What payloads are read with, by the id of their schema.

    Args:
        settings: of the registry.
        make: returns what reads messages, given a schema, a client for others, and its id.
        kind: type of schemas that are accepted.
    """

    def __init__(
        self,
        settings: RegistrySettings,
        make: Callable[[Schema, SchemaRegistryClient, int | str], Read],
        kind: str,
    ) -> None:
        self._settings = settings
        self._make = make
        self._kind = kind
        self._known: dict[int | str, Read] = {}
        self._unknown: dict[int | str, str] = {}
        self._unknown_until = 0.0
        self._asked_again = 0
        self._spent = 0.0
        self._timeout = settings.timeout
        self._silent_until = 0.0

    def of(self, payload: bytes, headers: Headers) -> tuple[Read, int]:
        """Return what reads a payload, and where its data begin.

        Raises:
            FormatError: it names no schema, or one that the registry does not have.
            RetryableError: the registry cannot be reached.
            NotYetError: asking for many schemas takes long.
            ConnectorError: the registry refuses us.
        """
        own, start = schema_id(payload, headers)
        read = self._known.get(own)
        return (read if read is not None else self._fetch(own)), start

    def columns(
        self,
        payloads: Sequence[bytes],
        head: int,
        read: Callable[[Read, Sequence[bytes]], Columns],
    ) -> Columns:
        """Return columns of payloads that have the id of their schema before them.

        Args:
            payloads: any.
            head: bytes at the beginning in which payloads are alike that can be read together.
            read: from a schema's reader and payloads to their columns.

        Raises:
            OneByOneError: they have to be read one by one.
        """
        rows: dict[bytes, list[int]] = {}
        for row, payload in enumerate(payloads):
            rows.setdefault(payload[:head], []).append(row)
        found = []
        for begin, some in rows.items():
            if len(begin) < head or begin[0] != MAGIC_ID:
                raise OneByOneError
            try:
                reader, _ = self.of(begin, ())
            except FormatError:
                raise OneByOneError from None
            alike = payloads if len(rows) == 1 else [payloads[row] for row in some]
            found.append((some, read(reader, alike)))
        return found[0][1] if len(found) == 1 else _merged(found, len(payloads))

    def _fetch(self, own: int | str) -> Read:
        began = time.monotonic()
        if began >= self._unknown_until:
            self._unknown.clear()
            self._asked_again = 0
        if why := self._unknown.get(own):
            raise FormatError(why, RejectReason.UNKNOWN_SCHEMA)
        if self._spent >= SLICE_SECONDS:
            self._spent = 0.0
            raise NotYetError(f"the schema registry {self._settings.url} is asked for many schemas")
        try:
            read = self._read(own)
            self._warn_if_slow(own, time.monotonic() - began)
            return read
        finally:
            self._spent += time.monotonic() - began

    def _warn_if_slow(self, own: int | str, took: float) -> None:
        if took >= SLOW_SECONDS and time.monotonic() >= self._silent_until:
            self._silent_until = time.monotonic() + WARN_SECONDS
            url = self._settings.url
            log.warning(
                "the schema registry %s took %.0f s for schema %s: the stream waits for each "
                "schema that is new to it",
                *(url, took, own),
            )

    def _read(self, own: int | str) -> Read:
        try:
            with closing(self._settings.client(self._timeout)) as client:
                schema = self._ask(own, client)
                kind = schema.schema_type or "AVRO"
                if kind != self._kind:
                    found = f"schema {own} of the registry is {kind}"
                    raise FormatError(f"{found}, expected {self._kind}")
                read = self._make(schema, client, own)
        except FormatError as error:
            self._forget(own, str(error))
            raise FormatError(str(error), RejectReason.UNKNOWN_SCHEMA) from None
        except (ConnectorError, RetryableError) as error:
            self._be_patient(error.__cause__)
            raise
        except Exception as error:
            if is_outage(error):
                # While those that it refers to were asked for.
                self._be_patient(error)
                raise RetryableError(
                    f"the schema registry {self._settings.url}: {meaning(error, own)}"
                ) from error
            why = f"schema {own} of the registry cannot be read: {error}"[:300]
            self._forget(own, why)
            raise FormatError(why, RejectReason.UNKNOWN_SCHEMA) from error
        self._known[own] = read
        return read

    def _forget(self, own: int | str, why: str) -> None:
        if len(self._unknown) >= MOST_UNKNOWN_IDS:
            self._unknown.clear()
        self._unknown[own] = why
        self._unknown_until = time.monotonic() + UNKNOWN_SECONDS

    def _ask(self, own: int | str, client: SchemaRegistryClient) -> Schema:
        """Return a schema; try again if the registry fails at once, or lags behind.

        Raises:
            FormatError: the registry does not know it.
            RetryableError: the registry cannot be reached, or refuses us and did not before.
            ConnectorError: the registry refuses us.
        """
        began, was_unknown = time.monotonic(), False
        for wait in (*WAIT_SECONDS, 0.0):
            try:
                return once(own, client)
            except SchemaRegistryError as error:
                problem: Exception = error
            except Exception as error:
                # The client lets out what its HTTP library raises, and stumbles over other answers.
                if not isinstance(error, (OSError, *NONSENSE)) and not is_outage(error):
                    raise
                problem = error
            self._check_refusal(problem)
            is_slow = time.monotonic() - began > LONGEST_SECONDS
            if is_unknown(problem):
                if was_unknown or is_slow or self._asked_again >= MOST_ASKED_AGAIN:
                    url = self._settings.url
                    raise FormatError(f"the registry {url} has no schema {own}: {problem}")
                was_unknown, wait = True, UNKNOWN_WAIT_SECONDS
                self._asked_again += 1
            if is_slow:
                break
            time.sleep(wait)
        why = f"the schema registry {self._settings.url}: {meaning(problem, own)}"
        raise RetryableError(why) from problem

    def _be_patient(self, problem: BaseException | None) -> None:
        """Let requests take longer after one took too long: the stream waits in any case."""
        if isinstance(problem, TimeoutError) or "Timeout" in type(problem).__name__:
            most = max(self._settings.timeout, MOST_PATIENCE_SECONDS)
            self._timeout = min(2 * self._timeout, most)

    def _check_refusal(self, problem: Exception) -> None:
        if isinstance(problem, SchemaRegistryError) and problem.http_status_code in REFUSALS:
            text = f"the schema registry {self._settings.url} refuses us: {problem}"
            if self._known:
                # It was well until now: the stream outlives what is done to its registry.
                again = "it answered before; restart with the new user, password or token"
                raise RetryableError(f"{text}: {again}, if they were changed")
            raise ConnectorError(f"{text}: correct user, password or token")


def _merged(parts: list[tuple[list[int], Columns]], count: int) -> Columns:
    """Return the columns of all rows from those of some."""
    whole: Columns = {path: [None] * count for path in parts[0][1]}
    for rows, columns in parts:
        for path, column in columns.items():
            items = column.tolist() if isinstance(column, np.ndarray) else column
            for row, item in zip(rows, items, strict=True):
                whole[path][row] = item
    return whole
