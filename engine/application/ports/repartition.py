"""The port of what re-keys messages before they are read."""

from __future__ import annotations

from typing import Any, Protocol

from bytewax.outputs import FixedPartitionedSink
from pydantic import BaseModel

from engine.application.ports.context import RunContext
from engine.application.ports.settings import Settings
from engine.application.ports.source import SourcePlugin
from engine.domain.record import Record


class RepartitionPlugin(Protocol):
    """A class that an entry point in `pynomaly.repartitions` names.

    Its `Settings` describes what the pipeline file may say below
    `event.repartition: {<name>: ...}`. A process that re-keys makes its store first, then its
    source and its sinks.

    Args:
        settings: of the class `Settings`.
        source: settings of the source.
        context: of a process that re-keys.
    """

    Settings: type[Settings]

    def __init__(self, settings: Any, source: Any, context: RunContext) -> None: ...

    @staticmethod
    def task_source(settings: Any, source: Any) -> tuple[type[SourcePlugin], BaseModel]:
        """Return the source that reads the re-keyed messages, and its settings."""
        ...

    def source(self) -> SourcePlugin:
        """Return the source of the messages to re-key; it has a `membership`."""
        ...

    def store(self) -> Any:
        """Return the store of positions: a `StateStore` of `engine.application.state.store`."""
        ...

    def sink(self) -> FixedPartitionedSink[list[Record], Any]:
        """Return the sink of re-keyed messages; see `SinkPlugin.sink`."""
        ...

    def check(self) -> None:
        """Connect, as `validate --connect` does.

        Raises:
            ConnectorError: it cannot be reached, or does not fit.
        """
        ...
