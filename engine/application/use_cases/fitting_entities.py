"""How many of the entities that a pipeline knows a control record fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate
from re import compile as compiled

from engine.application.config.pipeline_file import PipelineFile
from engine.application.state.contents import entity_keys
from engine.application.state.encrypted import cipher_of
from engine.application.state.snapshots import read_snapshots
from engine.domain.errors import PynomalyError, nearest

MOST_COMPARED = 100_000
"""Keys among which a similar one is looked for, which takes microseconds each."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """What the patterns of a record fit.

    Attributes:
        known: entities that the pipeline knew at its last whole snapshot.
        fitting: how many of them a pattern fits.
        unused: patterns that fit none, each with ' Did you mean "x"?' if a key is similar.
    """

    known: int
    fitting: int
    unused: Sequence[tuple[str, str]]


def fitting_entities(file: PipelineFile, patterns: Sequence[str]) -> Fitting | None:
    """Return which known entities patterns fit; None if no snapshot can be read.

    Args:
        file: the pipeline file; the pipeline may be running.
        patterns: of keys.
    """
    if file.state.kafka is not None or not file.state.directory.exists():
        return None
    try:
        stored = read_snapshots(file.state.directory, cipher_of(file))
        keys = {key for one in stored for key in entity_keys(one.blobs)}
    except PynomalyError:
        # It is a hint: what is wrong with the state is for the commands that need it.
        return None
    if not keys:
        return None
    fits = {pattern: compiled(translate(pattern)).match for pattern in patterns}
    fitting = sum(any(fit(key) for fit in fits.values()) for key in keys)
    unused = [pattern for pattern, fit in fits.items() if not any(map(fit, keys))]
    near = sorted(keys)[:MOST_COMPARED] if unused else []
    return Fitting(len(keys), fitting, [(one, nearest(one, near)) for one in unused])
