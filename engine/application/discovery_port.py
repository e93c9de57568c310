"""The port by which the server finds pipelines that others run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Target:
    """A metrics page of a pipeline.

    Attributes:
        address: host and port.
        pipeline: its name; "" where only the page itself says it.
        scheme: http or https.
    """

    address: str
    pipeline: str = ""
    scheme: str = "http"


class Discovery(Protocol):
    """Finds metrics pages: what an entry point in `pynomaly.discoveries` names.

    Args:
        place: what the command line says behind the name and a colon.
    """

    def __init__(self, place: str) -> None: ...

    def find(self) -> list[Target]:
        """Return the pages that there are now.

        Raises:
            RetryableError: who knows them does not answer.
        """
        ...
