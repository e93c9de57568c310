"""Runs pipelines as local processes, which outlive the server and are found again.

A run has a folder with its pipeline file, its log, and a record of its process. Process ids are
reused, so the record includes the start time of the process.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections import deque
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Any
from uuid import uuid4

import orjson

from engine.application.control.pipeline_process import start_pipeline
from engine.application.state.durable import write_durably
from engine.application.state.trust import require_trusted
from engine.domain.control.errors import ConflictError, NotFoundError
from engine.domain.control.pipeline_version import PipelineVersion
from engine.domain.control.run import Run, RunState

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
FILE, RECORD, LOG = "pipeline.yaml", "run.json", "log"
SERVER = "server-id"
MOST_LOG_BYTES = 20 * 2**20
"""Size beyond which a log is rotated at the next start."""
IMPATIENCE_SECONDS = 0.5


class LocalRunner:
    """The runner of `pynomaly serve`.

    Args:
        directory: private to the server.
        command: the command that runs a pipeline file, whose path is appended.
    """

    def __init__(self, directory: Path, command: Sequence[str]) -> None:
        self._directory = directory.absolute()
        self._command = command
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = RLock()

    @cached_property
    def server(self) -> str:
        """Id of the server, which it keeps in its directory."""
        path = self._directory / SERVER
        with self._lock:
            if not path.exists():
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_durably(path, uuid4().hex.encode())
            return path.read_text()

    def started(self) -> list[Run]:
        """Return the last run of each pipeline that it ever started."""
        folders = sorted((self._directory / "runs").glob("*"))
        found = [self.get(one.name) for one in folders if NAME.fullmatch(one.name)]
        return [run for run in found if run is not None]

    def start(self, version: PipelineVersion) -> Run:
        """Run a version of a pipeline.

        Raises:
            ConflictError: the pipeline is running.
        """
        with self._lock:
            before = self.get(version.name)
            if before is not None and not before.is_over:
                raise ConflictError(f"version {before.number} of the pipeline runs: stop it first")
            folder = self._folder(version.name)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            require_trusted(folder)
            write_durably(folder / FILE, version.text.encode())
            process = self._begin(folder)
            self._children[version.name] = process
            record = {
                "number": version.number,
                "digest": version.digest,
                "started": time.time_ns(),
                "process": process.pid,
                "began": _began(process.pid),
            }
            write_durably(folder / RECORD, orjson.dumps(record))
            return _run(version.name, record, RunState.RUNNING)

    def get(self, name: str) -> Run | None:
        """Return the last run of a pipeline; None if there was none."""
        with self._lock:
            folder = self._folder(name)
            try:
                record = orjson.loads((folder / RECORD).read_bytes())
            except FileNotFoundError:
                return None
            if "exit_code" not in record and not self._is_alive(name, record):
                child = self._children.pop(name, None)
                record["exit_code"] = None if child is None else child.returncode
                write_durably(folder / RECORD, orjson.dumps(record))
            return _run(name, record, _state(record))

    def stop(self, name: str, *, drain: bool) -> Run:
        """Ask the run of a pipeline to stop; draining takes a while.

        Raises:
            ConflictError: the pipeline is not running.
        """
        with self._lock:
            run = self.get(name)
            if run is None or run.is_over:
                raise ConflictError("the pipeline does not run")
            record = orjson.loads((self._folder(name) / RECORD).read_bytes())
            write_durably(self._folder(name) / RECORD, orjson.dumps({**record, "stopping": True}))
            os.kill(run.process, signal.SIGTERM)
            if not drain:
                # A second request does not wait for the drain; two signals at once would merge.
                time.sleep(IMPATIENCE_SECONDS)
                if self._is_alive(name, record):
                    os.kill(run.process, signal.SIGTERM)
            found = self.get(name)
            assert found is not None
            return found

    def log(self, name: str, lines: int) -> list[str]:
        """Return the last lines of the log of a pipeline's runs."""
        try:
            with (self._folder(name) / LOG).open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - lines * 2_000))
                found = deque(file, lines)
        except FileNotFoundError:
            return []
        return [line.decode(errors="replace").rstrip("\n") for line in found]

    def file(self, name: str) -> Path | None:
        """Return the pipeline file of the last run; None if there was none."""
        path = self._folder(name) / FILE
        return path if path.exists() else None

    def _begin(self, folder: Path) -> subprocess.Popen[bytes]:
        log = folder / LOG
        if log.exists() and log.stat().st_size > MOST_LOG_BYTES:
            log.replace(folder / f"{LOG}.1")
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            return start_pipeline(self._command, folder / FILE, descriptor)
        finally:
            os.close(descriptor)

    def _is_alive(self, name: str, record: dict[str, Any]) -> bool:
        child = self._children.get(name)
        if child is not None and child.pid == record["process"]:
            return child.poll() is None
        return bool(record["began"]) and _began(record["process"]) == record["began"]

    def _folder(self, name: str) -> Path:
        if NAME.fullmatch(name) is None:
            raise NotFoundError(f'no pipeline is called "{name}"')
        return self._directory / "runs" / name


def _run(name: str, record: dict[str, Any], state: RunState) -> Run:
    return Run(
        name,
        record["number"],
        record["digest"],
        state,
        record["started"],
        record["process"],
        record.get("exit_code"),
    )


def _state(record: dict[str, Any]) -> RunState:
    if "exit_code" not in record:
        return RunState.STOPPING if record.get("stopping") else RunState.RUNNING
    return RunState.FAILED if record["exit_code"] else RunState.ENDED


def _began(process: int) -> str:
    """Return the start time of a process, which identifies it with its id; "" if it has ended."""
    try:
        # Behind the name, which may hold anything: state is field 3, the start in ticks field 22.
        text = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    return "" if text[0] == "Z" else f"{boot} {text[19]}"
