"""The stored state of a pipeline with a store plug-in, for commands that read or change it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from engine.application.config.pipeline_file import PipelineFile
from engine.application.config.plugin_choice import PluginChoice
from engine.application.ports import RunContext
from engine.application.state.store import StoredState


@contextmanager
def stored_state(file: PipelineFile, store: PluginChoice) -> Iterator[StoredState]:
    """Open what a store plug-in has stored of a pipeline.

    Args:
        file: the pipeline file.
        store: the plug-in that the file chose.
    """
    context = RunContext(file.name)
    plugin = store.plugin(store.settings, context)
    # It gives the store the group whose offsets belong to the state.
    source = file.task_source
    source.plugin(source.settings, context)
    stored = cast("StoredState", plugin.stored())
    try:
        yield stored
    finally:
        stored.close()
