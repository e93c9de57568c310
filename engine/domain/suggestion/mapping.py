"""The `event` part of a pipeline file, suggested from messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.domain.path import path_text
from engine.domain.suggestion.fields import fields_of
from engine.domain.suggestion.kinds import KIND, MOST_KINDS, Kinds, possible_kinds
from engine.domain.suggestion.mixed import at
from engine.domain.suggestion.names_beside import array_of_rows
from engine.domain.suggestion.of_rows import mapping_of_rows
from engine.domain.suggestion.one_kind import KindMapping, SuggestedMapping, mapping_of_kind
from engine.domain.suggestion.opened import opened

MOST_FIELDS = 20
"""That are tried one after the other."""


def suggested_mapping(
    documents: Sequence[Any],
    message_keys: Sequence[str | None] = (),
    has_message_times: bool = False,
) -> SuggestedMapping | None:
    """Return a mapping for messages; None if nothing in them can be the time, or no value.

    Fields that not every message has are neither key nor time, and as values they are optional. If
    not every message becomes an event, and a field names the kinds of those that do, it is a
    condition.

    Args:
        documents: the messages: objects, or arrays of them.
        message_keys: their keys as texts; None for one that has none, or one that is binary.
        has_message_times: whether the time of the message can be that of the event.
    """
    documents = [opened(document) for document in documents]
    keys = message_keys or [None] * len(documents)
    if array := array_of_rows(documents):
        return mapping_of_rows(documents, keys, array, _suggested)
    return _suggested(documents, keys, has_message_times)


def _suggested(
    documents: Sequence[Any], keys: Sequence[str | None], has_message_times: bool
) -> SuggestedMapping | None:
    """Return a mapping for messages that were opened."""

    def of(rows: Sequence[int], takes_digits: bool = False) -> KindMapping | None:
        chosen = [documents[row] for row in rows]
        own = [keys[row] for row in rows]
        return mapping_of_kind(chosen, own, has_message_times, takes_digits)

    whole = of(range(len(documents)))
    if whole is not None and not whole.unread:
        if "time" in whole.suggested.event:
            return whole.suggested
        # Kinds that no field names, each with a time of its own, have nothing else in common.
        apart = _by_field(documents, of, True)
        return whole.suggested if apart is None else apart.suggested
    for kinds in possible_kinds(documents):
        best = _best(kinds, of, whole)
        if best is not None:
            chosen, suggested = best
            count = sum(len(kinds.rows[value]) for value in chosen)
            if other := _with_more(_by_field(documents, of), suggested, count, len(documents)):
                return other
            return SuggestedMapping(
                {"where": _condition(kinds, chosen), **suggested.event},
                [_others(kinds, chosen), *suggested.notes],
            )
    if whole is None and (found_by_field := _by_field(documents, of)) is not None:
        return found_by_field.suggested
    whole = whole or of(range(len(documents)), True)
    return whole.suggested if whole is not None else None


def _best(
    kinds: Kinds, of: Callable[[Sequence[int]], KindMapping | None], whole: KindMapping | None
) -> tuple[list[str], SuggestedMapping] | None:
    """Return the kinds of which a mapping reads most messages, and the mapping."""
    choices = [_richest(kinds, of), *([] if whole is None else [_readable(kinds, whole)])]
    found = []
    for chosen in choices:
        rows = [row for value in chosen for row in kinds.rows[value]]
        one = of(rows) if rows else None
        if one is not None and not one.unread and "where" not in one.suggested.event:
            found.append((len(rows), one.events, chosen, one.suggested))
    if not found:
        return None
    _, _, chosen, suggested = max(found, key=lambda one: one[:2])
    return chosen, suggested


def _by_field(
    documents: Sequence[Any],
    of: Callable[[Sequence[int]], KindMapping | None],
    is_apart: bool = False,
) -> KindMapping | None:
    """Return a mapping for the messages with a field that the others do not have; None if none.

    As for the rows of a file that ends with words about itself, or kinds that no field names.

    Args:
        documents: the messages.
        of: returns the mapping for some of them.
        is_apart: whether it must have a time, and no value that the others have.
    """
    fields = fields_of([one if isinstance(one, Mapping) else {} for one in documents])
    by_frequency = sorted(fields.values(), key=lambda one: -len(one.found))
    for field in by_frequency[:MOST_FIELDS]:
        rows = [row for row, one in enumerate(documents) if at(one, field.path) is not None]
        found = of(rows) if len(rows) < len(documents) else None
        if found is None or found.unread or "where" in found.suggested.event:
            continue
        if not is_apart or _is_apart(found, of(sorted({*range(len(documents))} - {*rows}))):
            path = path_text(field.path)
            note = f"{len(documents) - len(rows)} messages have no {path}: passed over"
            where = {"where": {"path": path, "exists": True}}
            suggested = SuggestedMapping(
                where | dict(found.suggested.event), [note, *found.suggested.notes]
            )
            others = {*range(len(documents))} - {*rows}
            return KindMapping(suggested, found.events, frozenset(others))
    return None


def _with_more(
    by_field: KindMapping | None, other: SuggestedMapping, count: int, messages: int
) -> SuggestedMapping | None:
    """Return a mapping by a field if it reads the same as another one of more messages.

    As where a device that sends the other kind of messages sends this kind as well.
    """
    if by_field is None or messages - len(by_field.unread) <= count:
        return None
    event = {name: part for name, part in by_field.suggested.event.items() if name != "where"}
    return by_field.suggested if event == other.event else None


def _is_apart(one: KindMapping, others: KindMapping | None) -> bool:
    """Whether a mapping has a time, and no value that another one has."""
    theirs = {} if others is None else others.suggested.event["values"]
    return "time" in one.suggested.event and not {*one.suggested.event["values"]} & {*theirs}


def _readable(kinds: Kinds, whole: KindMapping) -> list[str]:
    """Return the kinds whose messages become events; none if other messages do as well."""
    chosen = [value for value, rows in kinds.rows.items() if not whole.unread & set(rows)]
    others = sum(len(rows) for value, rows in kinds.rows.items() if value not in chosen)
    return chosen if len(whole.unread) == others + kinds.without else []


def _richest(kinds: Kinds, of: Callable[[Sequence[int]], KindMapping | None]) -> list[str]:
    """Return the kind with the most events, and those that are read alike."""
    found = {value: one for value, rows in kinds.rows.items() if (one := of(rows)) is not None}
    whole = {value: one for value, one in found.items() if not one.unread}
    if not whole:
        return []
    best = max(whole.values(), key=lambda one: (one.events, len(one.suggested.event["values"])))
    return [value for value, one in whole.items() if one.suggested.event == best.suggested.event]


def _condition(kinds: Kinds, chosen: Sequence[str]) -> dict[str, Any]:
    path = path_text(kinds.path)
    is_named = KIND.search(str(kinds.path[-1])) is not None
    if kinds.without and not is_named and len(chosen) == len(kinds.rows):
        # Others of its values may come: all of these messages are alike in that they have it.
        return {"path": path, "exists": True}
    return {"path": path, "equals": chosen[0]} if len(chosen) == 1 else {"path": path, "in": chosen}


def _others(kinds: Kinds, chosen: Sequence[str]) -> str:
    """Return which messages the condition passes over."""
    others = {value: len(rows) for value, rows in kinds.rows.items() if value not in chosen}
    named = [f"{value} ({count})" for value, count in others.items()]
    named += [f"without it ({kinds.without})"] if kinds.without else []
    shown = ", ".join(named[:MOST_KINDS])
    return f"several kinds of messages by {path_text(kinds.path)}; passed over: {shown}"
