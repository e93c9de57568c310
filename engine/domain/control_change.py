"""Control: what people say of a pipeline while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.feedback import Feedback
from engine.domain.silence import Silence


@dataclass(frozen=True, slots=True)
class Reset:
    """Entities whose models start afresh.

    Attributes:
        entities: patterns of keys; one of them has to fit.
    """

    entities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ControlChange:
    """What the control log says to the steps of a task, from the next event on.

    Attributes:
        silences: all that are in force, in the order of the log; pauses of learning too.
        resets: that come into force now.
        feedback: that is in force, in the order of the log.
    """

    silences: tuple[Silence, ...] = ()
    resets: tuple[Reset, ...] = ()
    feedback: tuple[Feedback, ...] = ()
