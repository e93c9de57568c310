"""The announcement of a run: what it does, what happens to its state, and its risks."""

from __future__ import annotations

import logging

from engine.application.cluster.exposure import exposure
from engine.application.config.pipeline_file import PipelineFile
from engine.application.state.checkpoint_file import newest_manifests
from engine.application.state.identity import check_compatibility, identity_of, state_place
from engine.application.state.lock import require_usable

logger = logging.getLogger("pynomaly.run")


def announce_state(file: PipelineFile, processes: int, total: int | None = None) -> None:
    """Say what becomes of stored state.

    Args:
        file: the pipeline file.
        processes: how many share the partitions.
        total: how many there are, with those that re-key messages; as many unless given.

    Raises:
        PynomalyError: the state cannot be used.
    """
    if file.state.kafka:
        _announce(file, processes, total or processes, resumed=False)
        return
    directory, now = file.state.directory, identity_of(file)
    require_usable(directory)
    tasks = newest_manifests(directory)
    _announce(file, processes, total or processes, resumed=bool(tasks))
    found = [check_compatibility(str(directory), now, task.identity) for task in tasks.values()]
    for change in dict.fromkeys(change for changes in found for change in changes):
        logger.warning("state: %s", change)


def _announce(file: PipelineFile, processes: int, total: int, *, resumed: bool) -> None:
    sinks = ", ".join(f"{sink.name}: {sink.choice.kind}" for sink in file.sinks.chosen())
    logger.info(
        "%s %s: %s to %s, %d process(es), state in %s",
        "resuming" if resumed else "starting",
        file.name,
        file.source.kind,
        sinks,
        processes,
        state_place(file),
    )
    if total > processes:
        through = getattr(file.task_source.settings, "topic", "")
        logger.info("messages are re-keyed through %s by %d more", through, total - processes)
    promise = file.alert_promise()
    logger.info("alerts: %s", "; ".join(filter(None, [promise.known(), promise.unknown_yet()])))
    if caveat := promise.caveat():
        logger.warning("alerts: %s", caveat)
    if file.metrics is not None:
        host, port = file.metrics.host, file.metrics.port
        last = f" to {port + total - 1}" if total > 1 else ""
        scheme = "http" if file.metrics.tls is None else "https"
        logger.info("metrics: %s://%s:%d/metrics%s", scheme, host, port, last)


def warn(file: PipelineFile) -> None:
    """Log the risks of a pipeline file."""
    for notice in exposure(file):
        logger.log(notice.level, "%s", notice.text)
