"""The port of state stores."""

from __future__ import annotations

from typing import Any, Protocol

from engine.application.ports.context import RunContext
from engine.application.ports.settings import Settings


class StateStorePlugin(Protocol):
    """A class that an entry point in `pynomaly.stores` names.

    Its `Settings` describes what the pipeline file may say below `state: {<name>: ...}`. It is made
    before the source and the sinks of its process.
    """

    Settings: type[Settings]

    def __init__(self, settings: Any, context: RunContext) -> None: ...

    def store(self) -> Any:
        """Return the process's view: a `StateStore` of `engine.application.state.store`."""
        ...

    def stored(self) -> Any:
        """Return all that is stored, for commands: a `StoredState` of the same module.

        The source is made before it is used.
        """
        ...

    def check(self) -> None:
        """Connect, as `validate --connect` does.

        Raises:
            ConnectorError: it cannot be reached, or does not fit.
        """
        ...
