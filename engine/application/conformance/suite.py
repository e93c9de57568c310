"""The suite: all checks by name, and their results for a detector."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from engine.application import registry
from engine.application.conformance.declared import check_declaration
from engine.application.conformance.finite import check_finite
from engine.application.conformance.inputs import INPUTS
from engine.application.conformance.kinds import KIND, applies, check_kind
from engine.application.conformance.learning import (
    check_learns_only_what_it_shall,
    check_prequential,
)
from engine.application.conformance.memory import check_memory
from engine.application.conformance.planted import PLANTED
from engine.application.conformance.repetition import (
    check_batch_cuts,
    check_deterministic,
    check_isolation,
    check_reset,
)
from engine.application.conformance.storing import check_snapshot
from engine.application.conformance.strangeness import check_higher_is_more_anomalous, check_outlier
from engine.application.conformance.subject import Subject
from engine.application.conformance.units import check_scale, check_shift
from engine.application.conformance.warming import check_warm_up

Check = Callable[[Subject], None]

WIDTHS = {"one_value": 1, "three_values": 3}
"""Numbers of values that a detector is checked with; each is a check of its own."""

CHECKS: dict[str, Check] = {
    "declaration": check_declaration,
    "warm_up": check_warm_up,
    "prequential": check_prequential,
    "learns_only_what_it_shall": check_learns_only_what_it_shall,
    "deterministic": check_deterministic,
    "batch_cuts": check_batch_cuts,
    "isolation": check_isolation,
    "reset": check_reset,
    "snapshot": check_snapshot,
    "memory": check_memory,
    "higher_is_more_anomalous": check_higher_is_more_anomalous,
    "outlier": check_outlier,
    "scale": check_scale,
    "shift": check_shift,
    **{f"{KIND}{name}": partial(check_kind, plant) for name, plant in PLANTED.items()},
    **{f"finite_{name}": partial(check_finite, made) for name, made in INPUTS.items()},
}
"""Plain functions of a `Subject`; each raises AssertionError."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check with `width` values; `failure` is empty if it passed."""

    check: str
    width: int
    failure: str = ""


def run_checks(
    name: str, parameters: Mapping[str, object] | None = None, checks: Sequence[str] = ()
) -> Iterator[CheckResult]:
    """Run the checks one after the other; those of kinds it does not declare are left out.

    Args:
        name: of a registered detector.
        parameters: as in a pipeline file; None takes its defaults.
        checks: names of the checks; all unless given.

    Raises:
        UnknownNameError: no detector has this name.
    """
    registry.declaration(name)
    for label, width in WIDTHS.items():
        subject = Subject(name, width, parameters or {})
        built = CheckResult(label, width, _failure(lambda subject: subject.detector, subject))
        yield built
        if not built.failure:
            for check in filter(lambda check: applies(check, subject), checks or CHECKS):
                yield CheckResult(check, width, _failure(CHECKS[check], subject))


def check_detector(
    name: str, parameters: Mapping[str, object] | None = None, *, strict: bool = False
) -> None:
    """Check that a registered detector keeps the contract, except for what it declares.

    Args:
        name: as written in a pipeline file.
        parameters: as in a pipeline file; None takes its defaults.
        strict: a declared exception whose check passes is a failure too.

    Raises:
        AssertionError: names each failed check, what was expected and what was seen.
        UnknownNameError: no detector has this name.
    """
    exceptions = registry.declaration(name).exceptions
    found = list(run_checks(name, parameters))
    failures = [
        f"{result.check} (with {result.width} values): {result.failure}"
        for result in found
        if result.failure and result.check not in exceptions
    ]
    failures += [
        f"{check}: declared as an exception, and there is no such check"
        for check in exceptions
        if check not in (*WIDTHS, *CHECKS)
    ]
    if strict:
        failures += [
            f"{check}: declared as an exception, and yet it passes"
            for check in _needless(exceptions, found)
        ]
    if failures:
        raise AssertionError(f"{name} fails {len(failures)} checks:\n" + "\n".join(failures))


def _needless(exceptions: Iterable[str], found: Iterable[CheckResult]) -> list[str]:
    """Return the exceptions whose checks ran and passed."""
    results = list(found)
    failed = {result.check for result in results if result.failure}
    passed = {result.check for result in results} - failed
    return [check for check in exceptions if check in passed]


def _failure(check: Callable[[Subject], object], subject: Subject) -> str:
    try:
        check(subject)
    except AssertionError as failure:
        return str(failure) or "assertion failed"
    except Exception as error:  # noqa: BLE001 - a detector that raises has failed the check
        return f"expected no error; saw {type(error).__name__}: {error}"
    return ""
