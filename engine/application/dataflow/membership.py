"""Membership: the partitions of the source that this process owns now."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

logger = logging.getLogger("pynomaly.tasks")


class Membership(Protocol):
    """Says which tasks this process is to run.

    Attributes:
        fixed: whether what is owned never changes: then the run ends when all of it has ended.

    The dataflow calls `owned` once a turn, which must be cheap. It restores new tasks. It releases
    those that are gone: it stores a checkpoint, forgets the models, and calls `released`. Until
    then the membership must not give the task to another process (a revocation waits for it). Tasks
    in `lost` were taken away already: the dataflow forgets them and stores nothing.
    """

    fixed: bool

    def owned(self) -> frozenset[str]:
        """Return the tasks that are this process's, without those that it is asked to release.

        Raises:
            PynomalyError: the membership has failed for good.
        """
        ...

    def lost(self) -> frozenset[str]:
        """Return the tasks that were taken away without asking since the last call."""
        ...

    def settled(self) -> bool:
        """Whether no rebalance is under way: only then are transactions committed."""
        ...

    def released(self, tasks: Sequence[str]) -> None:
        """Report that tasks are checkpointed and released."""
        ...

    def close(self) -> None:
        """Leave; all tasks have been released before. Never raises."""
        ...


class FixedShare:
    """Every `processes`-th partition, by a fixed rule: for state in a directory.

    Args:
        partitions: lists the partitions of the source.
        process: number of this process.
        processes: how many there are.
    """

    fixed = True

    def __init__(self, partitions: Callable[[], list[str]], process: int, processes: int) -> None:
        self._owned = frozenset(partitions()[process::processes])
        if not self._owned:
            logger.info("no partition is left for this process: more processes than partitions")

    def owned(self) -> frozenset[str]:
        """Return the tasks of this process."""
        return self._owned

    def lost(self) -> frozenset[str]:
        """Return nothing: nobody takes a task away."""
        return frozenset()

    def settled(self) -> bool:
        """Return True."""
        return True

    def released(self, tasks: Sequence[str]) -> None:
        """Do nothing: the share is the same after a restart."""

    def close(self) -> None:
        """Do nothing."""
