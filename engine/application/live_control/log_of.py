"""Which control log a pipeline has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.application.config.pipeline_file import PipelineFile
from engine.application.live_control.log import Log
from engine.application.live_control.log_file import ControlLog
from engine.application.live_control.shared_log import SharedLog
from engine.application.ports import RunContext

if TYPE_CHECKING:
    from engine.application.live_control.calendars import CalendarFetcher


def fetcher_of(file: PipelineFile, context: RunContext) -> CalendarFetcher | None:
    """Return what fetches the calendars of a pipeline; None in all processes but the first."""
    calendars = [one.calendar for one in file.silences if one.calendar is not None]
    # A log of its own: it is read in another thread.
    log = log_of(file, context) if calendars and context.process == 0 else None
    if log is None:
        return None
    # The libraries are there where a pipeline file names a calendar.
    from engine.application.live_control.calendars import CalendarFetcher

    return CalendarFetcher(calendars, file.event.timezone, log)


def log_of(file: PipelineFile, context: RunContext) -> Log | None:
    """Return the control log of a pipeline's process; None where it has none.

    Args:
        file: the pipeline file.
        context: of the process; its state directory has the log unless the file says otherwise.
    """
    chosen = file.control.kafka
    if chosen is not None:
        return SharedLog(chosen.plugin(chosen.settings, context))
    return None if context.state is None else ControlLog(context.state)
