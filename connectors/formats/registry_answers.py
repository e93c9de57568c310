"""What a schema registry answers, and what its failures mean."""

from __future__ import annotations

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError

IS_API = "is the URL that of its API, such as https://registry:8081 or .../apis/ccompat/v7?"
UNKNOWN, REFUSALS = (400, 404, 422), (401, 403)
"""Statuses that say that there is no such schema, and that we may not ask."""
NONSENSE = (ValueError, TypeError, KeyError, AttributeError)
"""What the client raises if an answer is not of the API."""


def once(own: int | str, client: SchemaRegistryClient) -> Schema:
    """Return a schema, asked for once.

    Raises:
        ValueError: the answer holds none.
    """
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


def is_unknown(problem: Exception) -> bool:
    """Whether the registry says that it has no such schema; the page of a proxy says nothing."""
    return (
        isinstance(problem, SchemaRegistryError)
        and problem.http_status_code in UNKNOWN
        and problem.error_code != -1
    )


def is_outage(problem: Exception) -> bool:
    """Whether the registry did not answer, or not as one does."""
    if isinstance(problem, SchemaRegistryError):
        return not is_unknown(problem)
    return isinstance(problem, OSError) or "http" in type(problem).__module__


def meaning(problem: Exception, own: int | str) -> str:
    """Return what was wrong with its answer, and what to look at."""
    if isinstance(problem, NONSENSE):
        return f"its answer for schema {own} is not a schema; {IS_API}"
    text = str(problem) or type(problem).__name__
    return f"{text}; {IS_API}" if getattr(problem, "error_code", 0) == -1 else text
