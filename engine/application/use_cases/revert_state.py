"""Revert a pipeline to an earlier checkpoint that was kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from engine.application.config.pipeline_file import PipelineFile
from engine.application.state.checkpoint_file import (
    Manifest,
    checkpoint_path,
    newest_manifests,
    read_manifests,
    write_manifests,
)
from engine.application.state.directory import TASKS
from engine.application.state.kept import KeptFile, kept_files
from engine.application.state.lock import StateLock, require_usable
from engine.application.state.store import Json
from engine.domain.errors import FatalError


@dataclass(frozen=True, slots=True)
class Reverted:
    """A task that goes on from an earlier checkpoint.

    Attributes:
        task: its name.
        kept: when the checkpoint was kept.
        position: where the source goes on.
    """

    task: str
    kept: datetime
    position: Json


def revert_state(file: PipelineFile, when: datetime) -> Sequence[Reverted]:
    """Make the newest kept checkpoints of a time or before the current ones.

    What was kept later is removed. Models, positions and open incidents are those of then.

    Args:
        file: the pipeline file.
        when: the time, with its zone.

    Raises:
        PynomalyError: the pipeline is running, nothing was kept by then, or what was kept is
            damaged.
    """
    if file.state.kafka is not None:
        raise FatalError(
            "state in Kafka keeps no earlier checkpoints, so there is nothing to go back to: "
            "use `pynomaly state export` and `pynomaly state import`"
        )
    directory = file.state.directory
    with StateLock(directory):
        require_usable(directory)
        return _revert(directory, when)


def _revert(directory: Path, when: datetime) -> list[Reverted]:
    kept = kept_files(directory)
    current = newest_manifests(directory)
    chosen: dict[str, tuple[KeptFile, Manifest]] = {}
    for each in kept:
        if each.moment <= when:
            chosen |= {manifest.task: (each, manifest) for manifest in read_manifests(each.path)}
    _refuse_missing(directory, current.keys() - chosen.keys(), kept)
    for _, manifest in chosen.values():
        # All of it has to be whole before anything changes.
        manifest.task_file(directory / TASKS).read()
    number = max((manifest.number for manifest in current.values()), default=0) + 1
    back = [replace(manifest, number=number) for _, manifest in chosen.values()]
    # The highest numbers count: from here on it is done, whatever happens to the rest.
    write_manifests(checkpoint_path(directory, 0), back)
    for path in checkpoint_path(directory, 0).parent.glob("*.json"):
        if path != checkpoint_path(directory, 0):
            path.unlink()
    for each in kept:
        if each.moment > when:
            each.path.unlink()
    return [Reverted(task, each.moment, one.position) for task, (each, one) in chosen.items()]


def _refuse_missing(directory: Path, missing: set[str], kept: Sequence[KeptFile]) -> None:
    if kept and not missing:
        return
    if not kept:
        raise FatalError(
            f"no earlier checkpoint is kept in {directory}: set state.keep, so that there is one "
            "the next time"
        )
    first, last = (each.moment.astimezone(UTC).isoformat() for each in (kept[0], kept[-1]))
    raise FatalError(
        f"nothing was kept of partition {min(missing)} by then: what is kept in {directory} is "
        f"from {first} to {last}"
    )
