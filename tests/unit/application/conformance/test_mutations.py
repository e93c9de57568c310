"""Each check turns red where the detector is broken, and only there."""

from __future__ import annotations

import pytest

from engine.application import registry
from engine.application.conformance import CHECKS, check_detector, run_checks
from engine.domain.errors import UnknownNameError
from tests.unit.application.conformance import broken
from tests.unit.application.conformance.broken import Family
from tests.unit.application.conformance.stuck_detector import StuckFamily

# The check that says what is wrong, and those that see its consequences.
MUTATIONS = [
    (Family(broken.Reversed), "higher_is_more_anomalous outlier kind_spike kind_shift kind_burst"),
    (Family(broken.LearnsFirst), "prequential"),
    (Family(broken.LooksAhead), "prequential learns_only_what_it_shall batch_cuts isolation reset"),
    (Family(broken.Shares), "isolation snapshot reset"),
    (broken.NoWarmUp(), "warm_up"),
    (Family(broken.AlwaysLearns), "learns_only_what_it_shall warm_up"),
    (Family(broken.LosesAField), "snapshot"),
    (
        Family(broken.RoundsByBatch),
        "batch_cuts prequential learns_only_what_it_shall reset snapshot",
    ),
    (Family(broken.NeverForgets), "reset"),
    (Family(broken.ForgetsAll), "reset"),
    (broken.Draws(), "deterministic snapshot"),
    (Family(broken.Hoards), "memory"),
    (Family(broken.Overflows), "finite_huge finite_infinite"),
    (Family(broken.Constants), "finite_constant finite_lone finite_tiny"),
    (Family(broken.KnowsUnits), "scale shift"),
    (Family(broken.Stumbles), "finite_huge finite_infinite"),
    (Family(bytes_per_entity=15), "memory declaration"),
    (Family(name="other"), "declaration"),
]


@pytest.fixture
def install(monkeypatch):
    """Put a family in the place of zscore's."""

    def install(family):
        monkeypatch.setattr(registry, "_family", lambda name: family)
        monkeypatch.setattr(registry, "_points", lambda group: {"zscore": None})

    return install


@pytest.fixture
def only(monkeypatch):
    """Leave out all checks but some: together they take seconds."""

    def only(*names):
        for name in set(CHECKS) - set(names):
            monkeypatch.delitem(CHECKS, name)

    return only


@pytest.mark.parametrize(("family", "reds"), MUTATIONS)
def test_broken_detector_fails_the_matching_checks(install, family, reds) -> None:
    install(family)
    expected = set(reds.split())
    # The check of memory takes as long as all others together.
    checks = [name for name in CHECKS if name != "memory" or name in expected]
    failed = {result.check for result in run_checks("zscore", checks=checks) if result.failure}

    assert failed == expected


def test_failure_states_expected_and_actual(install, only) -> None:
    only("snapshot", "warm_up")
    install(Family(broken.LosesAField))
    text = (
        r"(?s)zscore fails 2 checks:\nsnapshot \(with 1 values\): expected the same .*; saw .*"
        r"\nsnapshot \(with 3 values\)"
    )

    with pytest.raises(AssertionError, match=text):
        check_detector("zscore")


def test_declared_exception_does_not_fail(install, only) -> None:
    checks = ("higher_is_more_anomalous", "outlier", "kind_spike", "kind_shift", "kind_burst")
    only(*checks, "declaration")
    install(Family(broken.Reversed, dict.fromkeys(checks, "why")))

    check_detector("zscore", strict=True)


def test_a_detector_of_stuck_values_need_not_see_outliers(install, only) -> None:
    only("declaration", "outlier", "higher_is_more_anomalous", "kind_stuck", "kind_spike")
    install(StuckFamily(("stuck",)))

    check_detector("zscore", strict=True)


def test_a_kind_that_is_declared_must_be_seen(install, only) -> None:
    only("declaration", "kind_stuck", "kind_shift")
    install(StuckFamily(("stuck", "shift")))

    with pytest.raises(AssertionError, match=r"kind_shift .* expected a shift that is more"):
        check_detector("zscore")


def test_rejects_unknown_kind(install, only) -> None:
    only("declaration")
    install(StuckFamily(("stuck", "odd")))

    with pytest.raises(AssertionError, match=r"declaration .* one or more kinds of outlier"):
        check_detector("zscore")


def test_strict_rejects_needless_exception(install, only) -> None:
    only("declaration", "outlier")
    install(Family(exceptions={"outlier": "why"}))
    check_detector("zscore")

    with pytest.raises(AssertionError, match=r"outlier: declared .* and yet it passes"):
        check_detector("zscore", strict=True)


def test_rejects_exception_that_names_no_check(install, only) -> None:
    only("declaration")
    install(Family(exceptions={"outliers": "why"}))

    with pytest.raises(AssertionError, match=r"outliers: declared .* no such check"):
        check_detector("zscore")


def test_rejects_unknown_detector() -> None:
    with pytest.raises(UnknownNameError, match='Did you mean "zscore"'):
        check_detector("zscores")
