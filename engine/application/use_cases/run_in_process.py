"""A pipeline in this process, without a supervisor: for notebooks, services and tests."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from engine.application.cluster.announcement import warn
from engine.application.config.pipeline_file import PipelineFile
from engine.application.dataflow.build import Origin, build
from engine.application.dataflow.context import context_of
from engine.application.ports import RunContext
from engine.application.state.contents import earlier_processes
from engine.application.state.directory import DirectoryStore
from engine.application.state.encrypted import EncryptedStore, cipher_of
from engine.application.state.identity import compatibility_check, identity_of, state_place
from engine.application.state.lock import StateLock, require_usable
from engine.application.telemetry.heartbeat import Heartbeat
from engine.domain.errors import FatalError


def run_in_process(file: PipelineFile) -> None:
    """Run a pipeline until its source ends; Ctrl-C drains it if this is the main thread.

    Args:
        file: the pipeline file.

    Raises:
        PynomalyError: what trying again does not cure.
    """
    if file.state.kafka is not None:
        raise FatalError("state in Kafka is for processes under a supervisor: use `pynomaly run`")
    if file.event.repartition is not None:
        raise FatalError("event.repartition takes a process of its own: use `pynomaly run`")
    directory = file.state.directory
    with StateLock(directory):
        require_usable(directory)
        warn(file)
        context = context_of(
            file, earlier_processes=earlier_processes(directory), heartbeat=Heartbeat()
        )
        identity = identity_of(file)
        origin = Origin(identity, compatibility_check(state_place(file), identity))
        place, every = (context.process, context.heartbeat), file.state.keep_every
        store = DirectoryStore(directory, *place, keep=file.state.keep, keep_every=every)
        flow = build(file, context, EncryptedStore(store, cipher_of(file)), origin)
        with _drained_by_interrupt(context):
            flow.run()
        flow.finish()


@contextmanager
def _drained_by_interrupt(context: RunContext) -> Iterator[None]:
    """Let Ctrl-C ask for an orderly end, as long as the pipeline runs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: context.draining.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
