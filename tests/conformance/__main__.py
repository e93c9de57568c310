"""The conformance suite on all registered detectors, for as long as it takes.

Prints a table of detectors and checks: `.` passes, `x` is a declared exception, `X` fails without
being declared, `?` is declared and yet passes. Each detector runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from engine.application import registry
from engine.application.conformance import CHECKS, CheckResult, run_checks
from engine.application.conformance.suite import WIDTHS

MEMORY = 4 * 2**30
# These look at a whole window for each event.
SMALL_WINDOW = {"window": 64, "min_fill": 48, "refit_every": 32}
PARAMETERS: dict[str, Mapping[str, object]] = {
    **dict.fromkeys(("pyod.CD", "pyod.COF", "pyod.LMDD", "pyod.ROD", "pyod.SOS"), SMALL_WINDOW),
    "pyod.SOD": SMALL_WINDOW,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="DETECTOR")
    parser.add_argument("--checks", nargs="*", default=[], choices=list(CHECKS), metavar="CHECK")
    parser.add_argument("--timeout", type=int, default=1_800, help="seconds for one detector")
    parser.add_argument("--results", type=Path, help="file to add all verdicts to, as JSON lines")
    parser.add_argument("--alone", action="store_true", help="run here and print JSON")
    given = parser.parse_args(arguments)
    names = given.names or [declared.name for declared in registry.declarations()]
    if given.alone:
        _print_results(names[0], given.checks)
        return 0
    print(" ".join(f"{number}={check}" for number, check in enumerate((*WIDTHS, *CHECKS))))
    undeclared = 0
    for name in names:
        found = _run(name, given.checks, given.timeout)
        if given.results:
            with given.results.open("a") as file:
                file.writelines(f"{json.dumps({'name': name} | asdict(v))}\n" for v in found)
        undeclared += _print_row(name, found)
    return int(undeclared > 0)


def _print_results(name: str, checks: Sequence[str]) -> None:
    # Some models, given what they do not expect, ask for all memory there is.
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    for result in run_checks(name, PARAMETERS.get(name), checks):
        print(json.dumps(asdict(result)), flush=True)


def _run(name: str, checks: Sequence[str], seconds: int) -> list[CheckResult]:
    command = [sys.executable, "-m", "tests.conformance", "--alone", name]
    command += ["--checks", *checks] if checks else []
    lines, trouble = "", ""
    try:
        ended = subprocess.run(command, stdout=subprocess.PIPE, timeout=seconds, text=True)
        lines, trouble = ended.stdout, f"ended with {ended.returncode}" * (ended.returncode != 0)
    except subprocess.TimeoutExpired as error:
        lines, trouble = bytes(error.stdout or b"").decode(), f"not done after {seconds} s"
    if trouble:
        lines += json.dumps(asdict(CheckResult("process", 0, trouble))) + "\n"
    return [CheckResult(**json.loads(line)) for line in lines.splitlines()]


def _print_row(name: str, found: Sequence[CheckResult]) -> int:
    """Print a detector's row, and what is not as declared; return how many checks these are."""
    exceptions = registry.declaration(name).exceptions
    failures: dict[str, str] = {}
    for result in found:
        if result.failure:
            failures.setdefault(result.check, f"with {result.width} values: {result.failure}")
    ran = {result.check for result in found}
    marks = [
        " " if check not in ran else _mark(check in exceptions, check in failures)
        for check in (*WIDTHS, *CHECKS)
    ]
    print(f"{name:34}", " ".join(marks), flush=True)
    undeclared = [check for check in failures if check not in exceptions]
    for check in undeclared:
        print(f"    {check}: {failures[check]}", flush=True)
    return len(undeclared)


def _mark(declared: bool, failed: bool) -> str:
    return {(False, False): ".", (True, True): "x", (False, True): "X", (True, False): "?"}[
        declared, failed
    ]


if __name__ == "__main__":
    sys.exit(main())
