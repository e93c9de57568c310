"""Where a pipeline keeps its dead letters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.application.config.pipeline_file import PipelineFile
from engine.application.ports import ReadableSink, RunContext, Settings
from engine.application.rejects.letters import Letter, of_file, of_records, sent_back
from engine.domain.errors import FatalError
from engine.domain.names import DEAD_LETTERS, role_of


class KeptLetters:
    """Dead letters that can be read back.

    Attributes:
        path: the file of them; None if it is not a file.
        settings: of the sink that keeps them; None for a file that was given by itself.
        where: for people.
    """

    def __init__(
        self,
        path: Path | None,
        settings: Settings | None = None,
        sink: ReadableSink | None = None,
    ) -> None:
        self.path = path
        self.settings = settings
        self._sink = sink
        self.where = str(path or f"topic {getattr(settings, 'topic', '')}")

    def read(self) -> Iterator[Letter]:
        """Yield the letters, without those that were sent back."""
        if self.path is not None:
            # The sink makes its file with the first reject.
            waits = self.settings is not None and not self.path.exists()
            return iter(()) if waits else of_file(self.path)
        if self._sink is None:
            return iter(())
        return of_records(self._sink.written(), sent_back(self._sink.written()))


def kept_letters(file: PipelineFile) -> KeptLetters:
    """Return where a pipeline keeps its dead letters.

    Raises:
        FatalError: they go where they cannot be read back.
    """
    for sink in file.sinks.chosen():
        if role_of(sink.name) != DEAD_LETTERS:
            continue
        settings = sink.choice.settings
        made = sink.choice.plugin(settings, RunContext(file.name), sink.name)
        path = getattr(settings, "path", None)
        if path is not None:
            return KeptLetters(Path(path), settings)
        if isinstance(made, ReadableSink):
            return KeptLetters(None, settings, made)
    raise FatalError(
        f"pipeline {file.name}: its dead letters go where they cannot be read back: send them to "
        "a sink kafka or file, or give a file of them, as the file sink writes it"
    )
