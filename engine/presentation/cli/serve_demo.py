"""Runs the demonstration's pipeline beside the server."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from engine.application.control.caller import SYSTEM
from engine.application.control.ingest import ingest
from engine.application.control.manage_pipelines import put_pipeline
from engine.application.control_ports import Store
from engine.application.demo.fleet import Fleet
from engine.application.demo.runner import DemoRun
from engine.domain.errors import PynomalyError
from engine.domain.time_units import NS_PER_DAY
from engine.presentation.command import COMMAND

logger = logging.getLogger("pynomaly.demo")
WEEK_NS = 7 * NS_PER_DAY
THURSDAY = 3
"""Days from a Monday to the first of January 1970."""


def demo_beside(store: Store) -> Callable[[Event], None]:
    """Return what runs the demonstration until its stream ends, or it has to stop."""

    def run(stop: Event) -> None:
        with TemporaryDirectory(prefix="pynomaly-demo-") as directory:
            try:
                _run(store, Path(directory), stop)
            except PynomalyError as error:
                logger.error("the demonstration has ended: %s", error)

    return run


def _run(store: Store, directory: Path, stop: Event) -> None:
    fleet = Fleet(start=last_monday(time.time_ns() - 3 * NS_PER_DAY))

    def taken(anomalies: list[dict[str, Any]]) -> None:
        with store.writing() as work:
            ingest(work, anomalies)

    demo = DemoRun(fleet, directory, COMMAND, taken=taken)
    logger.info(
        "%d sensors, %d faults hidden in them; the stream has begun; anomalies follow once the "
        "detectors are compiled, which takes up to two minutes the first time on this machine",
        fleet.sensors,
        fleet.faults,
    )
    with closing(demo.run()) as progress:
        for number, _ in enumerate(progress):
            if number == 0:
                _show_pipeline(store, demo.pipeline)
            if stop.is_set():
                return
    logger.info("the stream has ended: %d anomalies", len(demo.progress.alarms))


def _show_pipeline(store: Store, text: str) -> None:
    with store.writing() as work:
        reason = "the demonstration, which the server runs itself"
        put_pipeline(work, SYSTEM, time.time_ns(), "demo", text, None, reason)


def last_monday(now: int) -> int:
    """Return the last midnight in UTC at which a Monday began, in ns since 1970."""
    return now - (now + THURSDAY * NS_PER_DAY) % WEEK_NS
