"""Connects to the sinks before anything else, so that their errors are reported first."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from engine.application.cluster.process import WorkerProcess
from engine.application.config.pipeline_file import PipelineFile
from engine.application.config.sections import ChosenSink
from engine.application.dataflow.context import context_of
from engine.application.exit_code import ExitCode
from engine.application.telemetry.heartbeat import Heartbeat
from engine.domain.errors import FatalError, RetryableError

logger = logging.getLogger("pynomaly.run")

POLL_SECONDS = 0.02


def reach_sinks(file: PipelineFile, stopped: Callable[[], bool]) -> None:
    """See whether the sinks can be used, before seconds go by in compiling.

    That is done in a process of its own: clients of brokers start threads, which a process that is
    forked later must not have. A sink that does not answer now is warned of, and waited for later.

    Args:
        file: the pipeline file.
        stopped: whether a signal asked to stop.

    Raises:
        FatalError: a sink that waiting does not cure.
    """
    worker = WorkerProcess(0, partial(_reach, file))
    try:
        while worker.process.poll() is None and not stopped():
            worker.listen()
            time.sleep(POLL_SECONDS)
        worker.listen()
        if worker.process.poll() == ExitCode.FATAL:
            raise FatalError(worker.status.failed)
    finally:
        worker.close()


def _reach(file: PipelineFile, descriptor: int) -> int:
    heartbeat = Heartbeat(descriptor)
    context = context_of(file)

    def reach(sink: ChosenSink) -> str:
        try:
            sink.choice.plugin(sink.choice.settings, context, sink.name).check()
        except RetryableError as error:
            logger.warning("sink %s: %s Starting all the same: it is waited for", sink.name, error)
        except FatalError as error:
            return f"sink {sink.name}: {error}"
        return ""

    sinks = list(file.sinks.chosen())
    # Side by side: each may wait ten seconds for its brokers.
    with ThreadPoolExecutor(len(sinks)) as pool:
        refused = [failure for failure in pool.map(reach, sinks) if failure]
    if refused:
        heartbeat.failed(refused[0])
        return ExitCode.FATAL
    return ExitCode.DONE
