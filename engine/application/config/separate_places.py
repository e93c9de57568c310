"""Checks that no part of a pipeline writes where another one reads or writes."""

from __future__ import annotations

from collections.abc import Iterable

from engine.application.config.event import EventSpec
from engine.application.config.issues import invalid
from engine.application.config.plugin_choice import PluginChoice
from engine.application.config.sections import SinksSpec
from engine.domain.names import role_of


def task_source(source: PluginChoice, event: EventSpec) -> PluginChoice:
    """Return the source whose partitions are tasks."""
    chosen = event.repartition
    if chosen is None:
        return source
    plugin, settings = chosen.plugin.task_source(chosen.settings, source.settings)
    return PluginChoice(chosen.kind, plugin, settings)


def sources(source: PluginChoice | None, event: EventSpec | None) -> list[PluginChoice]:
    """Return all sources that are read: the pipeline's, and the one of re-keyed messages."""
    if source is None:
        return []
    return [source] if event is None else [source, task_source(source, event)]


def check_repartition(event: EventSpec, source: PluginChoice | None) -> None:
    """Check that messages can be re-keyed, through a topic that is not the source's.

    Raises:
        PydanticCustomError: they cannot.
    """
    repartition = event.repartition
    if repartition is None or source is None:
        return
    if repartition.kind != source.kind:
        text = f"expected a source of the same kind ({repartition.kind}), not {source.kind}"
        raise invalid(text, "repartition", repartition.kind)
    if _overlap(task_source(source, event), [source]):
        raise invalid(
            "it is the source's topic: each message would be read again, for ever. Choose "
            "another topic",
            *("repartition", repartition.kind, "topic"),
        )


def check_sinks(sinks: SinksSpec, read: Iterable[PluginChoice]) -> None:
    """Check that no sink writes what a source reads.

    Raises:
        PydanticCustomError: one does.
    """
    read = list(read)
    for sink in sinks.chosen():
        if _overlap(sink.choice, read):
            raise invalid(
                "it writes what the source reads: each record would be read again, for ever. "
                "Choose another topic",
                role_of(sink.name),
            )


def check_state(state: PluginChoice, others: Iterable[PluginChoice]) -> None:
    """Check that the state store has a topic of its own.

    Raises:
        PydanticCustomError: it has not.
    """
    if _overlap(state, others):
        raise invalid(
            "the state needs a topic of its own: it is that of the source, of "
            "event.repartition, or of a sink",
            "kafka",
        )


def check_control(control: PluginChoice, others: Iterable[PluginChoice]) -> None:
    """Check that the control log has a topic of its own.

    Raises:
        PydanticCustomError: it has not.
    """
    if _overlap(control, others):
        raise invalid(
            "the control log needs a topic of its own: it is the source's, the state's, or a "
            "sink's",
            "kafka",
        )


def _overlap(one: PluginChoice, others: Iterable[PluginChoice]) -> bool:
    """Return whether a plug-in names a place that another names too."""
    return any(_places(one) & _places(other) for other in others)


def _places(choice: PluginChoice) -> frozenset[str]:
    """Return the places that a plug-in names; one that names none conflicts with none."""
    places = getattr(choice.settings, "places", None)
    return places() if places is not None else frozenset()
