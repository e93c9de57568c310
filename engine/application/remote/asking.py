"""What the parts of the client share: sending a request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
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

    def change(self, method: str, path: str, body: object, revision: int | None) -> Any:
        """Send a change of what was read in a revision; None whatever there is."""
        seen = "*" if revision is None else f'"{revision}"'
        return self.ask(method, path, body, headers={"If-Match": seen})

    def items(self, path: str, filters: Mapping[str, str | None]) -> Iterator[Any]:
        """Yield the items of all pages of a list."""
        params = {name: value for name, value in filters.items() if value is not None}
        while True:
            page = self.ask("GET", path, params=params)
            yield from page["items"]
            if page["next"] is None:
                return
            params["cursor"] = page["next"]
