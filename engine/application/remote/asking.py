"""What the parts of the client share: sending a request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any


class Asking(ABC):
    """Sends requests to a server."""

    @abstractmethod
    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a request to an endpoint below /api/v1, and return the document of the reply."""
