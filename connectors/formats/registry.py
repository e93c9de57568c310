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
from connectors.formats.registry_settings import RegistrySettings
from engine.domain.batch import Headers
from engine.domain.errors import ConnectorError, RetryableError
from engine.domain.finding import RejectReason
from engine.domain.format import Columns, FormatError

logger = logging.getLogger("pynomaly.registry")

MAGIC_ID, MAGIC_GUID = 0, 1
ID_HEADER = "__value_schema_id"
"""Where newer clients of Confluent put the schema's id instead of before the payload."""
WAIT_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0)
"""Seconds between attempts while the registry cannot be reached."""
LOUD_SECONDS = 1.0
"""Seconds of waiting after which it is logged."""
UNKNOWN_WAIT_SECONDS = 0.3
"""Seconds until an unknown id is asked for again: replicas of a registry lag behind."""
UNKNOWN_SECONDS = 30.0
"""Seconds that an unknown id is not asked for any more."""
IS_API = "is the URL that of its API, such as https://registry:8081 or .../apis/ccompat/v7?"
MOST_UNKNOWN_IDS = 10_000
Read = TypeVar("Read")


class Schemas(Generic[Read]):
    """What payloads are read with, by the id of their schema.

    Args:
        settings: of the registry.
        make: returns what reads messages, given a schema and a client for those it refers to.
        kind: type of schemas that are accepted.
    """

    def __init__(
        self,
        settings: RegistrySettings,
        make: Callable[[Schema, SchemaRegistryClient], Read],
        kind: str,
    ) -> None:
        self._settings = settings
        self._make = make
        self._kind = kind
        self._known: dict[int | str, Read] = {}
        self._unknown: dict[int | str, tuple[float, str]] = {}

    def of(self, payload: bytes, headers: Headers) -> tuple[Read, int]:
        """Return what reads a payload, and where its data begin.

        Raises:
            FormatError: it names no schema, or one that the registry does not have.
            RetryableError: the registry cannot be reached.
            ConnectorError: the registry refuses us.
        """
        if payload[:1] == b"\0" and len(payload) >= 5:
            own: int | str = int.from_bytes(payload[1:5], "big")
            start = 5
        else:
            own, start = _of_headers(headers) or _of_guid(payload)
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
        until, why = self._unknown.get(own, (0.0, ""))
        if time.monotonic() < until:
            raise FormatError(why, RejectReason.UNKNOWN_SCHEMA)
        try:
            with closing(self._settings.client()) as client:
                schema = self._ask(own, client)
                kind = schema.schema_type or "AVRO"
                if kind != self._kind:
                    found = f"schema {own} of the registry is {kind}"
                    raise FormatError(f"{found}, expected {self._kind}")
                read = self._make(schema, client)
        except FormatError as error:
            self._forget(own, str(error))
            raise FormatError(str(error), RejectReason.UNKNOWN_SCHEMA) from None
        except (ConnectorError, RetryableError):
            raise
        except Exception as error:
            why = f"schema {own} of the registry cannot be read: {error}"[:300]
            self._forget(own, why)
            raise FormatError(why, RejectReason.UNKNOWN_SCHEMA) from error
        self._known[own] = read
        return read

    def _forget(self, own: int | str, why: str) -> None:
        if len(self._unknown) >= MOST_UNKNOWN_IDS:
            self._unknown.clear()
        self._unknown[own] = time.monotonic() + UNKNOWN_SECONDS, why

    def _ask(self, own: int | str, client: SchemaRegistryClient) -> Schema:
        """Return a schema; wait while the registry cannot be reached."""
        problem: Exception | None = None
        for wait in (0.0, *WAIT_SECONDS):
            time.sleep(wait)
            try:
                return _once(own, client)
            except SchemaRegistryError as error:
                # A page of a proxy or of another server: that says nothing of the schema.
                is_foreign = error.http_status_code == 404 and error.error_code == -1
                if 400 <= error.http_status_code < 500 and not is_foreign:
                    return self._again(own, client, error)
                problem = error
            except OSError as error:
                problem = error
            except (ValueError, TypeError, KeyError, AttributeError):
                problem = ValueError(f"what it answers for schema {own} is no schema")
            except Exception as error:
                # The client lets out what its HTTP library raises.
                if "http" not in type(error).__module__:
                    raise
                problem = error
            if wait >= LOUD_SECONDS:
                logger.warning("schema registry %s: %s; trying again", self._settings.url, problem)
        text = f"the schema registry {self._settings.url}: {problem}"
        raise RetryableError(text if isinstance(problem, OSError) else f"{text}; {IS_API}")

    def _again(
        self, own: int | str, client: SchemaRegistryClient, error: SchemaRegistryError
    ) -> Schema:
        """Ask once more for what is not known: another replica may have it by now."""
        if error.http_status_code in (401, 403):
            text = f"the schema registry {self._settings.url} refuses us: {error}"
            raise ConnectorError(f"{text}: correct user, password or token")
        time.sleep(UNKNOWN_WAIT_SECONDS)
        try:
            return _once(own, client)
        except SchemaRegistryError:
            text = f"the registry {self._settings.url} has no schema {own}: {error}"
            raise FormatError(text) from None


def _merged(parts: list[tuple[list[int], Columns]], count: int) -> Columns:
    """Return the columns of all rows from those of some."""
    whole: Columns = {path: [None] * count for path in parts[0][1]}
    for rows, columns in parts:
        for path, column in columns.items():
            items = column.tolist() if isinstance(column, np.ndarray) else column
            for row, item in zip(rows, items, strict=True):
                whole[path][row] = item
    return whole


def _once(own: int | str, client: SchemaRegistryClient) -> Schema:
    schema = client.get_schema_by_guid(own) if isinstance(own, str) else client.get_schema(own)
    if not isinstance(schema.schema_str, str):
        raise ValueError(f"it answered without a schema for {own}")
    return schema


def references(schema: Schema, client: SchemaRegistryClient) -> dict[str, str]:
    """Return the texts of the schemas that one refers to, by the names it knows them by."""
    found: dict[str, str] = {}
    waiting = list(schema.references or [])
    while waiting and len(found) < 100:
        reference = waiting.pop()
        if reference.name in found:
            continue
        subject, version = str(reference.subject), int(reference.version or 1)
        known = client.get_version(subject, version).schema
        found[str(reference.name)] = known.schema_str or ""
        waiting += known.references or []
    return found


def _of_headers(headers: Headers) -> tuple[int | str, int] | None:
    for name, value in headers:
        if name == ID_HEADER and value:
            if value[0] == MAGIC_ID and len(value) >= 5:
                return int.from_bytes(value[1:5], "big"), 0
            return _of_guid(value)[0], 0
    return None


def _of_guid(payload: bytes) -> tuple[str, int]:
    if payload[:1] != bytes([MAGIC_GUID]) or len(payload) < 17:
        shown = payload[:5].hex()
        raise FormatError(
            f"the payload begins with 0x{shown}, expected 0x00 and four bytes of a schema's id: "
            "is it written without a registry?"
        )
    text = payload[1:17].hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])), 17
