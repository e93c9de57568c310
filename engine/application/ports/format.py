"""The port of message formats."""

from __future__ import annotations

from typing import Any, Protocol

from engine.application.ports.settings import Settings
from engine.domain.format import Format


class FormatPlugin(Format, Protocol):
    """A class that an entry point in `pynomaly.formats` names.

    Args:
        settings: as the pipeline file has them.
        text_fields: names of the outermost fields that the mapping reads as texts; a text format
            must not convert them.
    """

    Settings: type[Settings]

    def __init__(self, settings: Any, text_fields: frozenset[str]) -> None: ...
