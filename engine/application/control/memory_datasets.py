"""Datasets in memory."""

from __future__ import annotations

from engine.domain.control.dataset import Dataset


class MemoryDatasets:
    """The repository of datasets.

    Args:
        content: changed in place.
    """

    def __init__(self, content: dict[str, Dataset]) -> None:
        self._all = content

    def all(self) -> list[Dataset]:
        """Return all by name."""
        return [self._all[name] for name in sorted(self._all)]

    def get(self, name: str) -> Dataset | None:
        """Return the dataset of a name; within a writing unit of work nobody else changes it."""
        return self._all.get(name)

    def put(self, dataset: Dataset) -> None:
        """Store one, in place of the one of its name.

        Raises:
            StaleError: somebody else has stored a new one of this name.
        """
        self._all[dataset.name] = dataset

    def remove(self, name: str) -> None:
        """Remove one."""
        self._all.pop(name, None)
