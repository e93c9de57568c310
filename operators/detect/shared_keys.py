"""Keys in several partitions: entities whose messages are not keyed by the entity."""

from __future__ import annotations

import logging
from typing import Protocol

from pynomaly.plugins import Telemetry

logger = logging.getLogger("pynomaly.detect")


class Keys(Protocol):
    """The entities of a task."""

    def pop_new_keys(self) -> list[str]:
        """Return the keys that have come since the last call."""
        ...

    def __contains__(self, key: str) -> bool: ...


class SharedKeys:
    """Compares the tasks of a process; new keys alone, so that it costs little.

    Args:
        telemetry: metrics of this process.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        self._count = telemetry.split_entities
        self._tasks: list[Keys] = []
        self._logged = False

    def join(self, task: Keys) -> None:
        """Compare this task from now on."""
        self._tasks.append(task)

    def leave(self, task: Keys) -> None:
        """Do not compare it any more."""
        self._tasks.remove(task)

    def look(self, task: Keys) -> None:
        """Count the task's new keys that another one has as well."""
        others = [other for other in self._tasks if other is not task]
        for key in task.pop_new_keys():
            if any(key in other for other in others):
                self._count.inc()
                self._warn(key)

    def _warn(self, key: str) -> None:
        if not self._logged:
            self._logged = True
            logger.warning(
                "entity %r comes from several partitions: each has a model of its own part of it. "
                "Key the messages by what event.key reads, so that an entity has one partition, or "
                "re-key them through a topic (event.repartition); pynomaly_split_entities_total "
                "counts them",
                key,
            )
