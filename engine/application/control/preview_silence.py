"""Previews which recent anomalies a silence would have muted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from engine.application.config.pipeline_file import PipelineFile
from engine.application.config.silence import SilenceSpec
from engine.application.control.caller import Caller
from engine.application.control.control_pipeline import errors_as_conflicts
from engine.application.control.permissions import Action, require
from engine.application.control_ports import UnitOfWork
from engine.application.use_cases.control_log import refuse_unknown_values
from engine.application.use_cases.judge_anomaly import blamed_value
from engine.domain.control.page import AnomalyFilter
from engine.domain.control.stored_anomaly import StoredAnomaly
from engine.domain.silence import Silence
from engine.domain.time_units import NS_PER_DAY


@dataclass(frozen=True, slots=True)
class SilencePreview:
    """The effect that a silence would have had.

    Attributes:
        muted: the anomalies that it matches, the newest first.
        last: the number of anomalies examined.
    """

    muted: Sequence[StoredAnomaly]
    last: int


def preview_silence(
    work: UnitOfWork, caller: Caller, file: PipelineFile, spec: SilenceSpec, look_back: int
) -> SilencePreview:
    """Return the recent anomalies that a silence matches; its begin and end are ignored.

    Args:
        work: the unit of work.
        caller: the user who asks.
        file: the file of the pipeline.
        spec: the silence.
        look_back: the number of anomalies to examine.

    Raises:
        ForbiddenError: the caller lacks permission.
        ConflictError: it names a value that the pipeline does not have.
    """
    require(caller, Action.READ, file.name)
    with errors_as_conflicts():
        refuse_unknown_values(file, spec.values)
    silence = replace(spec.silence(1), begin=None, end=None)
    page = work.anomalies.find(AnomalyFilter(pipeline=file.name), None, look_back)
    muted = [one for one in page.items if _fits(silence, one)]
    return SilencePreview(muted, len(page.items))


def _fits(silence: Silence, anomaly: StoredAnomaly) -> bool:
    entity = str(anomaly.document["entity"])
    if not any(fnmatchcase(entity, pattern) for pattern in silence.entities):
        return False
    if silence.values and blamed_value(anomaly.document) not in silence.values:
        return False
    spans = silence.spans(anomaly.time // NS_PER_DAY)
    return any(begin <= anomaly.time < end for begin, end in spans)
