"""The pipelines of the store in memory."""

from __future__ import annotations

from engine.domain.control.errors import StaleError
from engine.domain.control.pipeline_version import PipelineVersion


class MemoryPipelines:
    """The versions of pipelines."""

    def __init__(self, kept: dict[str, list[PipelineVersion]]) -> None:
        self._all = kept

    def newest(self) -> list[PipelineVersion]:
        """Return the newest version of each pipeline, by name."""
        return [versions[-1] for _, versions in sorted(self._all.items())]

    def get(self, name: str, number: int | None) -> PipelineVersion | None:
        """Return a version, the newest for None."""
        found = self._all.get(name, [])
        fitting = [one for one in found if number in (None, one.number)]
        return fitting[-1] if fitting else None

    def versions(self, name: str) -> list[PipelineVersion]:
        """Return all versions of a pipeline, the newest first."""
        return self._all.get(name, [])[::-1]

    def add(self, version: PipelineVersion) -> None:
        """Store a version.

        Raises:
            StaleError: there is one of this number.
        """
        if self.get(version.name, version.number) is not None:
            raise StaleError("somebody else was faster: read the pipeline again")
        self._all.setdefault(version.name, []).append(version)

    def remove(self, name: str) -> None:
        """Remove all versions of a pipeline."""
        self._all.pop(name, None)
