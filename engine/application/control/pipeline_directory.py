"""The pipeline files that a server knows, by the names of their pipelines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from engine.application.config.load import load
from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.no_runner import NoRunner
from engine.application.telemetry.redaction import Redactor
from engine.domain.control.errors import ConflictError, NotFoundError
from engine.domain.control.run import Run
from engine.domain.errors import FatalError, PipelineFileError, nearest


class Runs(Protocol):
    """What a runner has started."""

    def get(self, name: str) -> Run | None:
        """Return the last run of a pipeline; None if there was none."""
        ...

    def file(self, name: str) -> Path | None:
        """Return the pipeline file of the last run; None if there was none."""
        ...


class PipelineDirectory:
    """Reads a pipeline file again each time, because it may have changed.

    Args:
        files: the files by the names of their pipelines.
        redactor: receives their secrets.
        runs: of the runner, whose files are known as well.
        advice: what to do where no file is known.
    """

    def __init__(
        self,
        files: Mapping[str, Path] = MappingProxyType({}),
        redactor: Redactor | None = None,
        runs: Runs | None = None,
        advice: str = "start it with --follow PIPELINE.yaml",
    ) -> None:
        self._files = files
        self._redactor = redactor or Redactor()
        self._runs = runs or NoRunner()
        self._advice = advice

    def beside(self, runs: Runs) -> PipelineDirectory:
        """Return a directory that also opens the files of runs."""
        return PipelineDirectory(self._files, self._redactor, runs, self._advice)

    @property
    def names(self) -> list[str]:
        """Names of the pipelines, in order."""
        return sorted(self._files)

    def open(self, name: str) -> PipelineFile:
        """Return the file of a pipeline.

        Raises:
            NotFoundError: the name is unknown.
            ConflictError: the file is not valid at present.
        """
        path = self._path(name)
        if path is None:
            known = ", ".join(self.names) or f"none: {self._advice}"
            raise NotFoundError(
                f'the server neither follows nor runs a pipeline called "{name}"; '
                f"it follows {known}.{nearest(name, self.names)}"
            )
        try:
            return load(path, redactor=self._redactor)
        except PipelineFileError as error:
            raise ConflictError(f"the file of the pipeline cannot be used: {error}") from None

    def _path(self, name: str) -> Path | None:
        run = self._runs.get(name)
        if run is not None and not run.is_over:
            # A version that runs reads, and is controlled, by its own file and by no other.
            return self._runs.file(name)
        return self._files.get(name) or self._runs.file(name)


def directory_of(
    files: Iterable[tuple[PipelineFile, Path]], redactor: Redactor
) -> PipelineDirectory:
    """Return the directory of some files.

    Raises:
        FatalError: two files have the same pipeline name.
    """
    found: dict[str, Path] = {}
    for file, path in files:
        if found.setdefault(file.name, path) != path:
            raise FatalError(f'"{found[file.name]}" and "{path}" are both named {file.name}')
    return PipelineDirectory(found, redactor)
