"""Everyday situations: what is found of faults, and what is sent of normal life.

    python -m bench.everyday [--situations GLOB ...] [--seeds N] [--budget NAME] [--rivals]
    python -m bench.everyday --read SITUATION [--budget NAME]
    python -m bench.everyday --noise [KIND ...] [--detectors NAME ...]

Ends with exit code 1, and leaves the accepted results as they are, if a figure is worse than its
tolerance allows. Results are written only of a run of all situations.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from fnmatch import fnmatch

from bench.everyday import product
from bench.everyday.noise import NOISES, measure
from bench.everyday.read import lines
from bench.everyday.results import BEFORE, Results
from bench.everyday.results import DEVELOPMENT as DEVELOPED
from bench.everyday.results import RECORD as RECORDED
from bench.everyday.run import DEVELOPMENT, RECORD, run, streams
from bench.everyday.situations import SITUATIONS
from bench.everyday.table import collect, markdown


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return the exit code."""
    given = _parse(arguments)
    first = RECORD if given.record else DEVELOPMENT
    if given.read:
        _, _, stream = next(streams([SITUATIONS[given.read]], 1, first))
        messages = product.send(stream, product.score(stream), given.budget or product.DEFAULT)
        print("\n".join(lines(stream, messages)))
        return 0
    if given.noise is not None:
        kinds = given.noise or list(NOISES)
        return measure(kinds, given.entities, given.days, given.detectors)
    return _table(given, first)


def _table(given: argparse.Namespace, first: int) -> int:
    """Run situations, compare, print, and keep the results of a run of all of them."""
    chosen = [
        situation
        for name, situation in SITUATIONS.items()
        if any(fnmatch(name, glob) for glob in given.situations)
    ]
    budgets = [given.budget] if given.budget else list(product.BUDGETS)
    whole = len(chosen) == len(SITUATIONS) and budgets == list(product.BUDGETS)
    run_ = run(chosen, given.seeds, first, budgets, given.rivals, _say)
    found = collect(run_)
    cost = run_.seconds / max(run_.events, 1) * 1e6
    about = (
        f"{len(chosen)} situations, {given.seeds} seed{'s' * (given.seeds > 1)} from {first}, "
        f"{run_.events:,} events; `detect` {cost:.2f} us of CPU an event."
    )
    results = Results(RECORDED if given.record else DEVELOPED)
    if not given.rivals and set(results.accepted) - {"product", BEFORE}:
        about += "\nRivals, and the product on the entities of the forest, are of an earlier run."
    if given.baseline:
        if whole:
            results.write({BEFORE: found["product"]}, about)
        return 0
    print(markdown(results.joined(found) if whole else found, about))
    worse = results.worse(found, whole)
    for line in worse:
        print(f"worse: {line}")
    if worse and not given.accept:
        return 1
    if whole:
        results.write(found, about)
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.everyday",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--situations", nargs="+", metavar="GLOB", default=["*"])
    parser.add_argument("--seeds", type=int, default=1, help="streams of each situation")
    parser.add_argument("--budget", choices=list(product.BUDGETS), help="only this one")
    parser.add_argument("--record", action="store_true", help="the seeds that are for the record")
    parser.add_argument("--rivals", action="store_true", help="and the rivals")
    parser.add_argument("--accept", action="store_true", help="write results although some fell")
    parser.add_argument("--baseline", action="store_true", help="keep as `before`, unread")
    parser.add_argument("--noise", nargs="*", metavar="KIND", help=f"of {', '.join(NOISES)}")
    parser.add_argument("--entities", type=int, default=1_000, help="with --noise")
    parser.add_argument("--days", type=int, default=30, help="with --noise")
    parser.add_argument("--detectors", nargs="+", default=["auto"], help="with --noise")
    parser.add_argument("--read", metavar="SITUATION", choices=list(SITUATIONS))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(threads, "1")
    sys.exit(main())
