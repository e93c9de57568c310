"""The course of a run that is disturbed: what was done, and what it recovered from."""

from __future__ import annotations

import argparse
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from tests.chaos.reader import Monitor
from tests.chaos.stall import StalledError, report
from tests.chaos.stream import Writer
from tests.chaos.verdict import Outcome, Verdict
from tests.chaos.waiting import wait_for
from tests.support.kafka_broker import KafkaBroker

OVERLAP = 0.25
"""Share of disturbances that do not wait until the one before has been recovered from."""
World = TypeVar("World")


class Course:
    """Disturbs again and again.

    Args:
        chosen: the arguments of the harness.
        draw: the chance.
        enough: once it is set, there are no more disturbances.

    Attributes:
        reached: offsets up to which all was accounted for when it had recovered last.
        stalled: whether there was no progress any more.
    """

    def __init__(
        self, chosen: argparse.Namespace, draw: random.Random, enough: threading.Event
    ) -> None:
        self.reached: dict[int, int] = {}
        self.stalled = False
        self._chosen = chosen
        self._draw = draw
        self._enough = enough
        self._done: Counter[str] = Counter()
        self._recovered: dict[str, list[float]] = {}

    @contextmanager
    def watched(self, broker: KafkaBroker, group: str) -> Iterator[None]:
        """Report a run that makes no progress any more, and go on to judge it.

        Raises:
            KafkaUnavailableError: the broker is down and does not start: nothing can be judged.
        """
        try:
            yield
        except StalledError as error:
            self.stalled = True
            report(error, broker.bootstrap, group)
            # What readers saw is judged, and a broker that is down has it.
            broker.start()

    def disturb(
        self,
        kinds: Sequence[Callable[[World], None]],
        world: World,
        writer: Writer,
        ensure: Callable[[], None],
        wait: Callable[[Mapping[int, int]], None],
        before: Callable[[int], None] = lambda _number: None,
    ) -> None:
        """Disturb as often as was asked for.

        Args:
            kinds: of disturbances.
            world: all that can be disturbed.
            writer: of the input.
            ensure: starts what has ended.
            wait: until all input before offsets is accounted for.
            before: is called before each disturbance, with its number from 0.
        """
        wait(dict.fromkeys(writer.ends, 1))
        # Each kind in turn, in an order of chance: a short run has as many kinds as it can.
        order: list[Callable[[World], None]] = []
        for number in range(self._chosen.disturbances):
            if self._enough.is_set():
                break
            before(number)
            order = order or self._draw.sample(kinds, len(kinds))
            disturb = order.pop()
            name = disturb.__name__
            time.sleep(self._draw.uniform(0.0, 1.5))
            print(f"{number + 1}: {name}", flush=True)
            disturb(world)
            self._done[name] += 1
            ensure()
            if self._draw.random() >= OVERLAP:
                began = time.monotonic()
                wait(dict(writer.ends))
                took = time.monotonic() - began
                self._recovered.setdefault(name, []).append(took)
                print(f"   recovered in {took:.1f} s", flush=True)

    def wait(
        self,
        monitor: Monitor,
        ends: Mapping[int, int],
        ensure: Callable[[], None],
        logs: Callable[[], str],
    ) -> None:
        """Wait as `wait_for` does, and remember where it was then."""
        wait_for(monitor, ends, ensure, logs)
        self.reached = dict(ends)

    def outcome(
        self,
        verdicts: Mapping[str, Verdict],
        files: Mapping[str, Verdict] | None = None,
        *,
        offsets_true: bool,
    ) -> Outcome:
        """Return what came of it, up to `reached`."""
        total = sum(self.reached.values())
        done = self._chosen, self._done, self._recovered, total
        return Outcome(*done, verdicts, files or {}, offsets_true=offsets_true)
