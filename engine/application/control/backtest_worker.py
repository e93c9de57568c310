"""Runs backtests one after the other, each in its own processes."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Any

import orjson

from engine.application.control.backtest_file import (
    ANOMALIES,
    INCIDENTS,
    REJECTS,
    backtest_text,
)
from engine.application.control.pipeline_process import start_pipeline
from engine.application.control_ports import Store
from engine.application.state.durable import write_durably
from engine.application.telemetry.correlation import resumed
from engine.domain.control.backtest import MOST_ANOMALIES, Backtest, Found, Stage
from engine.domain.control.published import UnreadableRecordError
from engine.domain.control.stored_anomaly import StoredAnomaly, stored_anomaly
from engine.domain.errors import PynomalyError

logger = logging.getLogger("pynomaly.backtest")
LOOK_SECONDS = 1.0
LAST_LINES = 20
BATCH = 500


class BacktestWorker:
    """Runs the backtests in the queue of the store.

    Args:
        store: the store with the queue, to which results are written.
        folder: private folder of the server for the files of runs.
        command: the command that runs a pipeline file, whose path is appended.
    """

    def __init__(self, store: Store, folder: Path, command: Sequence[str]) -> None:
        self._store = store
        self._folder = folder.absolute()
        self._command = command
        place = f"{socket.gethostname()} {self._folder}"
        self._host = sha256(place.encode()).hexdigest()[:16]

    def run(self, stop: Event) -> None:
        """Run queued backtests until stopped; the next start repeats an interrupted one."""
        requeued = False
        reported = ""
        while not stop.is_set():
            try:
                if not requeued:
                    self._requeue()
                    requeued = True
                if not self.step(stop):
                    stop.wait(LOOK_SECONDS)
                reported = ""
            except PynomalyError as error:
                # Once for each reason: a database may be away for hours.
                if str(error) != reported:
                    logger.warning("no backtest can be run now: %s", error)
                reported = str(error)
                stop.wait(LOOK_SECONDS)
            except Exception:
                logger.exception("no backtest can be run now")
                stop.wait(LOOK_SECONDS)

    def step(self, stop: Event) -> bool:
        """Run the next backtest; return whether there was one."""
        with self._store.reading() as work:
            # This runs each second: a writing unit of work would block other writers.
            if work.backtests.next_queued() is None:
                return False
        with self._store.writing() as work:
            found = work.backtests.next_queued()
            if found is None:
                return False
            begun = found.begun(self._host, time.time_ns())
            work.backtests.save(begun)
        folder = self._folder / begun.id
        try:
            folder.mkdir(mode=0o700, parents=True)
            with resumed(begun.request, begun.trace):
                self._work(begun, folder, stop)
        except (OSError, PynomalyError) as error:
            self._save(begun, begun.failed(str(error), time.time_ns()))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return True

    def _work(self, backtest: Backtest, folder: Path, stop: Event) -> None:
        with self._store.reading() as work:
            version = work.pipelines.get(backtest.pipeline, backtest.number)
        if version is None or version.digest != backtest.digest:
            self._save(backtest, backtest.failed("the version was removed", time.time_ns()))
            return
        text = backtest_text(version.text, orjson.loads(backtest.source), folder)
        write_durably(folder / "pipeline.yaml", text.encode())
        code = self._process(backtest, folder, stop)
        if code is None:
            return
        if code:
            error = _last_error(folder / "log") or f"the run ended with exit code {code}"
            self._save(backtest, backtest.failed(error, time.time_ns()))
            return
        if self._save(backtest, backtest.collecting()):
            found = self._collect(backtest, folder)
            self._save(backtest, backtest.done(found, time.time_ns()))

    def _process(self, backtest: Backtest, folder: Path, stop: Event) -> int | None:
        """Return the exit code of the run; None if it was cancelled or the server stops."""
        with (folder / "log").open("wb") as log:
            process = start_pipeline(self._command, folder / "pipeline.yaml", log.fileno())
        try:
            while True:
                try:
                    return process.wait(LOOK_SECONDS)
                except subprocess.TimeoutExpired:
                    pass
                if stop.is_set():
                    self._save(backtest, backtest.queued())
                    return None
                if self._is_cancelled(backtest):
                    return None
        finally:
            _end(process)

    def _collect(self, backtest: Backtest, folder: Path) -> Found:
        """Store the anomalies of a run; return their number."""
        newest: deque[StoredAnomaly] = deque(maxlen=MOST_ANOMALIES)
        count = 0
        for document in _lines(folder / ANOMALIES):
            try:
                newest.append(stored_anomaly(document))
            except UnreadableRecordError as error:
                logger.warning("an anomaly of backtest %s cannot be read: %s", backtest.id, error)
                continue
            count += 1
        found = list(newest)
        for begin in range(0, len(found), BATCH):
            with self._store.writing() as work:
                work.backtests.add_anomalies(backtest.id, found[begin : begin + BATCH])
        incidents = {document.get("id") for document in _lines(folder / INCIDENTS)}
        return Found(count, len(incidents), sum(1 for _ in _lines(folder / REJECTS)))

    def _save(self, before: Backtest, after: Backtest) -> bool:
        """Store a backtest unless it has been cancelled; return whether it was stored."""
        with self._store.writing() as work:
            found = work.backtests.get(before.id)
            if found is None or found.is_over:
                return False
            work.backtests.save(after)
            return True

    def _is_cancelled(self, backtest: Backtest) -> bool:
        with self._store.reading() as work:
            found = work.backtests.get(backtest.id)
        return found is None or found.stage is Stage.CANCELLED

    def _requeue(self) -> None:
        """Queue the backtests that this server ran when it was killed."""
        with self._store.writing() as work:
            for one in work.backtests.running(self._host):
                work.backtests.save(one.queued())
        shutil.rmtree(self._folder, ignore_errors=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill all processes of a run; none of its results are kept."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    if not file.exists():
        return
    with file.open("rb") as lines:
        for line in lines:
            yield orjson.loads(line)


def _last_error(log: Path) -> str | None:
    """Return the message of the last error in a log."""
    with log.open("rb") as lines:
        last = deque(lines, LAST_LINES)
    for line in reversed(last):
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:
            return line.decode(errors="replace").strip()
        if isinstance(found, dict) and str(found.get("log.level")) in ("error", "critical"):
            return str(found.get("message"))
    return None
