"""The suite on what is registered; `make conformance` runs it on all, for as long as it takes."""

from __future__ import annotations

import pytest

from engine.application import registry
from engine.application.conformance import check_detector
from engine.application.conformance.suite import CHECKS, WIDTHS

# Named: to ask all packages for theirs would import them in each process of the suite.
NATIVE = ["auto", "half_space_trees", "zscore"]
QUICK = [
    "river.GaussianScorer",
    "river.StandardAbsoluteDeviation",
    "river.OneClassSVM",
]


@pytest.mark.parametrize("name", NATIVE)
def test_native_detectors(name) -> None:
    """An exception of theirs must be needed; those of packages may depend on the release."""
    check_detector(name, strict=True)


@pytest.mark.parametrize("name", QUICK)
def test_detectors_of_packages(name) -> None:
    check_detector(name)


def test_each_native_detector_is_checked() -> None:
    declared = registry.declarations()

    assert [one.name for one in declared if one.snapshot == "bytes"] == NATIVE


def test_declared_exceptions_name_checks_and_give_reasons() -> None:
    for declared in registry.declarations():
        assert set(declared.exceptions) <= {*CHECKS, *WIDTHS}, declared.name
        assert all(declared.exceptions.values()), declared.name
