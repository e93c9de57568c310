"""Completion: what a pipeline file leaves out because another part of it says so."""

from __future__ import annotations

from typing import Any

from engine.application import registry
from engine.application.config.issues import Place
from engine.application.config.plugin_choice import single
from engine.domain.names import DEAD_LETTERS

CONNECTION = ("brokers", "settings")
"""Fields that say how a cluster is reached: a sink takes them from the source of its kind."""

DEAD_LETTERS_SIZE = "1GiB"
"""Most bytes of the dead letters' file, where nothing is said of it."""


def complete(data: Any) -> Any:
    """Return the file's data with the parts filled in that other parts decide.

    The state directory follows from the name; dead letters go to a file in it, so that they are
    never lost; a sink of the source's kind that names no brokers talks to the source's.
    """
    if not isinstance(data, dict):
        return data
    state = data.get("state", {})
    if isinstance(state, dict):
        state = {"directory": f".pynomaly/{data.get('name', '')}"} | state
        if isinstance(store := state.get("kafka"), dict):
            state["kafka"] = _merged(_lent(data), store)
    data = data | {"state": state}
    if isinstance(data.get("sinks"), dict):
        directory = state["directory"] if isinstance(state, dict) else ""
        # They share a disk with the checkpoints, which garbage must not fill.
        path = f"{directory}/dead_letters.ndjson"
        letters = {"file": {"path": path, "max_size": DEAD_LETTERS_SIZE}}
        data["sinks"] = {DEAD_LETTERS: letters} | data["sinks"]
        data["sinks"] |= _connected(data)
    return data


def inherited(data: Any) -> list[Place]:
    """Return the places of what sinks take from the source, or would, were it there."""
    if not isinstance(data, dict):
        return []
    return [
        ("sinks", role, kind, field)
        for role, kind, given in _borrowers(data)
        for field in CONNECTION
        if field not in given
    ]


def _borrowers(data: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return role, kind and settings of each sink that talks to the source's brokers.

    Of a source that is unknown any sink may be the borrower.
    """
    source, sinks = single(data.get("source")), data.get("sinks")
    if not isinstance(sinks, dict):
        return []
    named = source is not None and source[0] in registry.names("sources")
    kinds = {source[0]} if source and named else registry.names("sinks")
    chosen = [(role, single(sink)) for role, sink in sinks.items()]
    return [
        (role, sink[0], sink[1])
        for role, sink in chosen
        if sink and sink[0] in kinds and isinstance(sink[1], dict) and "brokers" not in sink[1]
    ]


def _connected(data: dict[str, Any]) -> dict[str, Any]:
    lent = _lent(data)
    if not lent:
        return {}
    return {role: {kind: _merged(lent, given)} for role, kind, given in _borrowers(data)}


def _lent(data: dict[str, Any]) -> dict[str, Any]:
    """Return how the source's cluster is reached, as far as the source says."""
    source = (single(data.get("source")) or ("", None))[1]
    if not isinstance(source, dict):
        return {}
    return {field: source[field] for field in CONNECTION if field in source}


def _merged(lent: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    merged = lent | given
    ours, theirs = given.get("settings"), lent.get("settings")
    if isinstance(ours, dict) and isinstance(theirs, dict):
        merged["settings"] = theirs | ours
    return merged
