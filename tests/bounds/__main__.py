"""The harness: `python -m tests.bounds --help`. Exit code 0: every bound holds."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

from tests.bounds.trial import Outcome
from tests.bounds.trials import KINDS
from tests.bounds.watch import MIB
from tests.support.kafka_broker import KafkaBroker

HEAD = "| trial | peak MiB | bound MiB | events in | accounted for | caught up in s | metrics | |"


def row(outcome: Outcome) -> str:
    """Return a line of the table."""
    story = ", ".join(f"{name} {value:,.0f}" for name, value in outcome.story.items())
    numbers = [
        f"{outcome.peak / MIB:,.0f}",
        f"{outcome.bound / MIB:,.0f}",
        f"{outcome.events:,}",
        f"{outcome.accounted:,}",
        f"{outcome.caught_up:,.0f}",
    ]
    verdict = "; ".join(outcome.wrong) or "holds"
    return f"| {' | '.join([outcome.name, *numbers, story, verdict])} |"


def main(arguments: list[str] | None = None) -> int:
    """Run the trials and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bounds", description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help=", ".join(KINDS))
    parser.add_argument("--processes", nargs="*", type=int, default=[1, 2], metavar="N")
    parser.add_argument("--size", type=float, default=1.0, help="share of the events of a full run")
    parser.add_argument("--folder", type=Path, help="where to leave state and logs")
    chosen = parser.parse_args(arguments)
    os.nice(10)
    outcomes: list[Outcome] = []
    failed = False
    with tempfile.TemporaryDirectory(prefix="pynomaly-bounds-") as folder:
        place = chosen.folder or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for name, processes in product(chosen.only or KINDS, chosen.processes):
            began = time.monotonic()
            # A broker for each, whose data are gone with it.
            with KafkaBroker(relayed=True) as broker:
                try:
                    outcome = KINDS[name](broker, place, chosen.size, processes)
                except AssertionError as error:
                    print(f"{name}: {error}", file=sys.stderr, flush=True)
                    failed = True
                    continue
            outcomes.append(outcome)
            print(f"{row(outcome)} {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print("\n".join([HEAD, "|---|--:|--:|--:|--:|--:|---|---|", *map(row, outcomes)]))
    return 1 if failed or any(outcome.wrong for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
