"""Every detector on every corpus that is there: `python -m bench.quality`, or `make quality`.

Ends with exit code 1, and leaves the accepted results as they are, if a figure fell by more than
its tolerance. What was not run stays as it was accepted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.quality import data
from bench.quality.comparison import falls
from bench.quality.corpora import corpora
from bench.quality.plot import bars
from bench.quality.run import DEFAULT, LEFT_OUT, QUICK, run
from bench.quality.series import Corpus
from bench.quality.table import markdown
from engine.application import registry

HERE = Path(__file__).parent


def main(
    arguments: Sequence[str] | None = None,
    present: Sequence[Corpus] | None = None,
    folder: Path = HERE,
) -> int:
    """Run, compare, print, and write what holds.

    Args:
        arguments: of the command line.
        present: the corpora there are; those of the labelled data unless given.
        folder: where results are kept.

    Returns:
        The exit code: 1 if a figure fell, 2 if there is no data.
    """
    present = corpora() if present is None else present
    given = _parse(arguments, [corpus.name for corpus in present])
    if not present:
        print(f"no labelled data: set {data.VARIABLE} to its folder", file=sys.stderr)
        return 2
    began = perf_counter()
    detectors = {name: DEFAULT.get(name, {}) for name in given.detectors or _usual(given.quick)}
    chosen = [corpus for corpus in present if corpus.name in (given.corpora or corpus.name)]
    left_out = () if given.detectors else LEFT_OUT
    results = run(chosen, detectors, given.quick, lambda line: print(line, flush=True), left_out)
    file = folder / "results.json"
    stored = json.loads(file.read_text()) if file.exists() else {}
    mode = "quick" if given.quick else "full"
    accepted = stored.get(mode, {})
    about = {corpus.name: corpus.about for corpus in present}
    print(f"\n{markdown(results, about)}\n{perf_counter() - began:.0f} s")
    worse = falls(accepted, results)
    for line in worse:
        print(f"fell: {line}")
    if worse and not given.accept:
        return 1
    whole = _joined(accepted, results, [corpus.name for corpus in present])
    file.write_text(json.dumps({**stored, mode: whole}, indent=1) + "\n")
    if mode == "full":
        (folder / "results.md").write_text(markdown(whole, about))
        (folder / "results.svg").write_text(bars(whole))
    return 0


def _joined(
    accepted: Mapping[str, Any], results: Mapping[str, Any], order: Sequence[str]
) -> dict[str, Any]:
    """Return the accepted results with those that were run now in their place."""
    names = list(dict.fromkeys([*order, *accepted]))
    joined = {name: {**accepted.get(name, {}), **results.get(name, {})} for name in names}
    return {name: _sorted(found) for name, found in joined.items() if found}


def _sorted(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return detectors in the order of `DEFAULT`, others behind."""
    order = list(DEFAULT)
    place = {name: order.index(name) if name in order else len(order) for name in found}
    return {name: found[name] for name in sorted(found, key=lambda name: (place[name], name))}


def _usual(quick: bool) -> list[str]:
    return list(QUICK if quick else DEFAULT)


def _parse(arguments: Sequence[str] | None, present: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument("--detectors", nargs="+", metavar="NAME", help="see `pynomaly detectors`")
    parser.add_argument("--corpora", nargs="+", metavar="NAME", help=", ".join(present))
    parser.add_argument("--quick", action="store_true", help="a part of each corpus")
    parser.add_argument("--accept", action="store_true", help="write results although some fell")
    given = parser.parse_args(arguments)
    known = [one.name for one in registry.declarations()] if given.detectors else []
    for option, names, there in (
        ("--detectors", given.detectors, known),
        ("--corpora", given.corpora, present),
    ):
        if unknown := set(names or ()) - set(there):
            parser.error(f"{option}: no {', '.join(sorted(unknown))}; there is {', '.join(there)}")
    return given


def _pin() -> None:
    """Keep to one core: the times are of one, and the other is somebody else's."""
    os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])


if __name__ == "__main__":
    for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(threads, "1")
    _pin()
    sys.exit(main())
