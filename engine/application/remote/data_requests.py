"""Requests of the client about datasets, series, and the state of pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

from engine.application.remote.asking import Asking
from engine.application.remote.documents import Dataset

Document = Mapping[str, Any]


class DataRequests(Asking):
    """What the client asks about data."""

    def datasets(self) -> list[Dataset]:
        """Return all datasets by name."""
        return cast("list[Dataset]", self.ask("GET", "/datasets")["items"])

    def dataset(self, name: str) -> Dataset:
        """Return a dataset."""
        return cast("Dataset", self.ask("GET", _dataset(name)))

    def put_dataset(self, name: str, source: Document, event: Document) -> Dataset:
        """Store a dataset, in place of the one of its name.

        Args:
            name: of it.
            source: where the data is, as in a pipeline file.
            event: what its messages mean, as in a pipeline file.

        Raises:
            RemoteError: 422 if it does not fit, 412 if somebody else has just changed it.
        """
        known = {one["name"]: one["revision"] for one in self.datasets()}
        seen = {"If-Match": f'"{known[name]}"'} if name in known else None
        body = {"source": source, "event": event}
        return cast("Dataset", self.ask("PUT", _dataset(name), body, headers=seen))

    def remove_dataset(self, name: str) -> None:
        """Remove a dataset."""
        self.ask("DELETE", _dataset(name), headers={"If-Match": "*"})

    def sample_dataset(self, name: str, messages: int = 20) -> Document:
        """Return what becomes of some messages of a dataset: events, and rejects."""
        found = self.ask("GET", f"{_dataset(name)}/sample", params={"messages": str(messages)})
        return cast("Document", found)

    def suggest_mapping(self, source: Document, messages: int = 100) -> Document:
        """Return a suggested `event` for a source of JSON messages, and what becomes of some."""
        params = {"messages": str(messages)}
        found = self.ask("POST", "/datasets/suggest", {"source": source}, params=params)
        return cast("Document", found)

    def series(self, pipeline: str, entity: str, **span: str | None) -> Document:
        """Return the values of an entity with the range expected, by spans of time.

        Args:
            pipeline: its name.
            entity: key of the entity.
            span: since, until, step (seconds).
        """
        params = {name: value for name, value in span.items() if value is not None}
        path = f"/pipelines/{quote(pipeline, safe='')}/series"
        return cast("Document", self.ask("GET", path, params={"entity": entity, **params}))

    def nearest(self, pipeline: str, limit: int = 50) -> list[Document]:
        """Return the entities that come nearest to an alert, the nearest first."""
        path = f"/pipelines/{quote(pipeline, safe='')}/nearest"
        found = self.ask("GET", path, params={"limit": str(limit)})
        return cast("list[Document]", found["items"])

    def state(self, pipeline: str) -> Document:
        """Return positions, entities and kept checkpoints of a pipeline."""
        found = self.ask("GET", f"/pipelines/{quote(pipeline, safe='')}/state")
        return cast("Document", found)

    def revert_state(self, pipeline: str, to: str, why: str = "") -> list[Document]:
        """Go back to the newest checkpoint kept by a time; the pipeline must not run."""
        path = f"/pipelines/{quote(pipeline, safe='')}/state/revert"
        return cast("list[Document]", self.ask("POST", path, {"to": to, "why": why})["items"])


def _dataset(name: str) -> str:
    return f"/datasets/{quote(name, safe='')}"
