"""What signals mean to the supervisor and to the processes of a run."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator
from threading import Event

import pytest

from engine.application.cluster.fork import OWN
from engine.application.cluster.signals import SupervisorSignals, install_in_worker


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    handlers, level = {number: signal.getsignal(number) for number in OWN}, logging.root.level
    # Under nohup it is ignored.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    logging.root.setLevel(level)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def in_supervisor() -> None:
    SupervisorSignals(logging.WARNING).install()


def in_worker() -> None:
    install_in_worker(Event(), logging.WARNING)


@pytest.mark.parametrize("install", [in_supervisor, in_worker])
def test_sigusr1_sets_the_level_to_debug_and_sigusr2_back(install: Callable[[], None]) -> None:
    install()

    signal.raise_signal(signal.SIGUSR1)
    louder = logging.root.level
    signal.raise_signal(signal.SIGUSR2)

    assert louder == logging.DEBUG
    assert logging.root.level == logging.WARNING


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_drains(number: signal.Signals) -> None:
    draining = Event()
    install_in_worker(draining, logging.INFO)

    signal.raise_signal(number)

    assert draining.is_set()


def test_a_supervisor_counts_requests_to_stop() -> None:
    signals = SupervisorSignals()
    signals.install()

    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)

    assert signals.stop_requests == 2


def test_a_terminal_that_hangs_up_twice_asks_once() -> None:
    signals = SupervisorSignals()
    signals.install()

    signal.raise_signal(signal.SIGHUP)
    signal.raise_signal(signal.SIGHUP)

    assert signals.stop_requests == 1


def test_an_ignored_hang_up_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signals = SupervisorSignals()
    signals.install()

    signal.raise_signal(signal.SIGHUP)

    assert signals.stop_requests == 0


def test_the_last_signal_of_the_level_is_kept_to_be_passed_on() -> None:
    signals = SupervisorSignals()
    signals.install()

    signal.raise_signal(signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR2)

    assert signals.log_signal is signal.SIGUSR2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_request_to_stop_ends_the_preparation_at_once(number: signal.Signals) -> None:
    pid = os.fork()
    if pid == 0:
        signals = SupervisorSignals()
        signals.install()
        with signals.preparing():
            signal.raise_signal(number)
        os._exit(3)

    _, status = os.waitpid(pid, 0)

    assert os.waitstatus_to_exitcode(status) == 0


def test_after_the_preparation_a_request_to_stop_is_counted() -> None:
    signals = SupervisorSignals()
    signals.install()

    with signals.preparing():
        pass
    signal.raise_signal(signal.SIGTERM)

    assert signals.stop_requests == 1
