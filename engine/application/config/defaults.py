"""Defaults of a pipeline file that follow from other parts of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.application import registry
from engine.application.config.issues import Place
from engine.application.config.plugin_choice import single
from engine.domain.names import DEAD_LETTERS

CONNECTION = ("brokers", "settings")
"""Connection settings: a sink inherits them from a source of its kind."""


def complete(data: Any) -> Any:
    """Return the file's data with the parts filled in that other parts decide.

    The state directory follows from the name; dead letters go to a file in it, so that they are
    never lost; a sink of the source's kind without brokers uses those of the source.
    """
    if not isinstance(data, dict):
        return data
    state = data.get("state", {})
    if isinstance(state, dict):
        state = {"directory": f".pynomaly/{data.get('name', '')}"} | state
        if isinstance(store := state.get("kafka"), dict):
            state["kafka"] = _merged(_connection(data), store)
    data = data | {"state": state}
    control = data.get("control")
    if isinstance(control, dict) and isinstance(topic := control.get("kafka"), dict):
        data["control"] = control | {"kafka": _merged(_connection(data), topic)}
    if isinstance(data.get("sinks"), dict):
        directory = state["directory"] if isinstance(state, dict) else ""
        letters = {"file": {"path": f"{directory}/dead_letters.ndjson"}}
        data["sinks"] = {DEAD_LETTERS: letters} | data["sinks"]
        data["sinks"] = _connected(data)
    return data


def inherited(data: Any) -> list[Place]:
    """Return the places of the settings that sinks inherit from the source, set or not."""
    if not isinstance(data, dict):
        return []
    return [
        ("sinks", *place, kind, field)
        for place, kind, given in _inheriting_sinks(data)
        for field in CONNECTION
        if field not in given
    ]


def _inheriting_sinks(data: dict[str, Any]) -> list[tuple[Place, str, dict[str, Any]]]:
    """Return place, kind and settings of each sink that inherits the source's connection.

    If the source is unknown, any sink may inherit them.
    """
    source, sinks = single(data.get("source")), data.get("sinks")
    if not isinstance(sinks, dict):
        return []
    named = source is not None and source[0] in registry.names("sources")
    kinds = {source[0]} if source and named else registry.names("sinks")
    chosen = [(place, single(sink)) for place, sink in _places(sinks)]
    return [
        (place, sink[0], sink[1])
        for place, sink in chosen
        if sink and sink[0] in kinds and isinstance(sink[1], dict) and "brokers" not in sink[1]
    ]


def _places(sinks: dict[str, Any]) -> Iterator[tuple[Place, Any]]:
    """Yield each sink with its place: a role has one, or a list of them."""
    for role, sink in sinks.items():
        if isinstance(sink, list):
            yield from (((role, number), one) for number, one in enumerate(sink))
        else:
            yield (role,), sink


def _connected(data: dict[str, Any]) -> dict[str, Any]:
    """Return the sinks, with the connection settings that they inherit from the source."""
    defaults = _connection(data)
    changed: dict[Place, Any] = dict(_places(data["sinks"]))
    if defaults:
        changed |= {
            place: {kind: _merged(defaults, given)}
            for place, kind, given in _inheriting_sinks(data)
        }
    return {
        role: [changed[role, number] for number in range(len(sink))]
        if isinstance(sink, list)
        else changed[(role,)]
        for role, sink in data["sinks"].items()
    }


def _connection(data: dict[str, Any]) -> dict[str, Any]:
    """Return the connection settings of the source."""
    source = (single(data.get("source")) or ("", None))[1]
    if not isinstance(source, dict):
        return {}
    return {field: source[field] for field in CONNECTION if field in source}


def _merged(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    merged = defaults | given
    ours, theirs = given.get("settings"), defaults.get("settings")
    if isinstance(ours, dict) and isinstance(theirs, dict):
        merged["settings"] = theirs | ours
    return merged
