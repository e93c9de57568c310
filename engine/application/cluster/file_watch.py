"""Watches a pipeline file: a changed file that is valid replaces the running one."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from engine.application.config.load import parse, read_text
from engine.application.telemetry.redaction import Redactor
from engine.domain.errors import PipelineFileError

logger = logging.getLogger("pynomaly.reload")

LOOK_SECONDS = 1.0


class FileWatch:
    """Looks once a second at a pipeline file, and holds what it finds against what runs.

    A change counts when two looks find the same text: editors and `kubectl` write in steps.

    Args:
        path: the pipeline file.
        running: its text as it runs.
        refused: a text that was tried and did not start: it is not a change.
        redactor: learns the secrets of changed texts.

    Attributes:
        changed: the text that is to be run instead; None while there is none.
    """

    def __init__(
        self,
        path: Path,
        running: str,
        refused: str | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        self.changed: str | None = None
        self._path = path
        self._redactor = redactor
        self._settled = {running, refused}
        self._last = running
        self._next = time.monotonic() + LOOK_SECONDS

    def look(self) -> bool:
        """Return whether there is a valid change; say once of another one what is wrong."""
        if self.changed is not None:
            return True
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + LOOK_SECONDS
        try:
            text = read_text(self._path)
        except PipelineFileError:
            # It is being replaced, or gone for now: what runs goes on.
            return False
        is_settled, self._last = text == self._last, text
        if not is_settled or text in self._settled:
            return False
        self._settled.add(text)
        return self._accept(text)

    def _accept(self, text: str) -> bool:
        try:
            parse(text, self._path, os.environ, self._redactor)
        except PipelineFileError as error:
            logger.error("the changed pipeline file is refused; what runs goes on:\n%s", error)
            return False
        logger.info("%s has changed: restarting with it, in order", self._path)
        self.changed = text
        return True
