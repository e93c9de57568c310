"""Forget a period: models of entities go back to what they were before it, or start afresh."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np

from engine.domain.control_change import Forget
from engine.domain.errors import SnapshotError
from engine.domain.pipeline import Pipeline
from engine.domain.time_units import NS_PER_SECOND
from operators.detect.entity_parts import EntityParts
from operators.detect.entity_snapshot import EntitySnapshot
from operators.silences import fits

logger = logging.getLogger("pynomaly.detect")


def forget_period(
    forget: Forget, pipeline: Pipeline, parts: EntityParts, earlier: Iterable[bytes]
) -> None:
    """Let entities forget what they learned from a time on.

    Entities without an event since then keep their models. Each other one goes back to the newest
    earlier state in which its newest event is from before; if there is none, it starts afresh.

    Args:
        forget: which entities, and the time.
        pipeline: all settings of the steps.
        parts: of the task.
        earlier: states of the task, the newest first.
    """
    newest = parts.table.records["newest"]
    waiting = {
        key: slot
        for key, slot in parts.table.slots.items()
        if newest[slot] >= forget.begin and fits(key, forget.entities)
    }
    if not waiting:
        return
    reverted = len(waiting)
    for blob in earlier:
        before = _restored(pipeline, parts, blob)
        if before is not None:
            _revert(forget, parts, before, waiting)
        if not waiting:
            break
    reverted -= len(waiting)
    parts.reset_models(np.array(sorted(waiting.values()), np.int32))
    logger.info(
        "%s: %d entities have the models that they had before %s, %d start afresh",
        *(forget.name, reverted, _shown(forget.begin), len(waiting)),
    )


def _revert(
    forget: Forget, parts: EntityParts, before: EntityParts, waiting: dict[str, int]
) -> None:
    """Revert the entities that can go back to an earlier state; they wait no longer."""
    slots, newest = before.table.slots, before.table.records["newest"]
    found = [key for key in waiting if key in slots and newest[slots[key]] < forget.begin]
    own = np.array([waiting.pop(key) for key in found], np.int32)
    parts.revert_models(own, before, np.array([slots[key] for key in found], np.int32))


def _restored(pipeline: Pipeline, parts: EntityParts, blob: bytes) -> EntityParts | None:
    """Return an earlier state; None if it is of another mapping, or cannot be read."""
    try:
        stored = EntitySnapshot(pipeline, parts).decode(blob)
        if stored is None:
            return None
        before = EntityParts(pipeline, stored.entities)
        EntitySnapshot(pipeline, before).load(stored)
    except SnapshotError as error:
        logger.error("an earlier state is left out: %s", error)
        return None
    return before


def _shown(time: int) -> str:
    return datetime.fromtimestamp(time / NS_PER_SECOND, UTC).isoformat()
