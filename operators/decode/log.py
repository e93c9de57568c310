"""Logs of decoding: the first reject of each reason, and doubtful times."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from engine.domain.batch import EventBatch
from engine.domain.mapping import EventMapping
from engine.domain.reject import Reject, RejectReason
from engine.domain.time_doubts import doubt

logger = logging.getLogger("pynomaly.decode")
# Commands without logs, such as `pynomaly validate`, report it in other ways.
logger.addHandler(logging.NullHandler())


class DecodeLog:
    """Says a thing once: a bad producer sends thousands of messages a second."""

    def __init__(self, mapping: EventMapping) -> None:
        self._time = mapping.time
        self._logged: set[RejectReason] = set()
        self._doubted = False
        self._ambiguous = ""

    def report(self, events: EventBatch, rejects: Sequence[Reject], ambiguous: str = "") -> None:
        """Log what is new in a batch.

        Args:
            events: of the batch.
            rejects: of the batch.
            ambiguous: the first local time that came in an hour that comes twice, if any.
        """
        if ambiguous and not self._ambiguous:
            self._ambiguous = ambiguous
            logger.warning(
                "%s comes twice in %s: the message's timestamp decides which one is meant if "
                "it is near, else the order of an entity's events",
                ambiguous,
                self._time.zone,
            )
        for reject in rejects:
            if reject.reason not in self._logged:
                self._logged.add(reject.reason)
                self._warn(reject)
        if not self._doubted and (found := doubt(self._time, events.times)):
            self._doubted = True
            logger.warning("%s; set event.time.unit", found)

    def _warn(self, reject: Reject) -> None:
        logger.warning(
            "rejected %s[%d]@%d: %s: %s; more of this reason are counted in pynomaly_rejects_total "
            "and go to the dead letters, without a line here",
            reject.topic,
            reject.partition,
            reject.offset,
            reject.reason.value,
            reject.detail,
        )
