"""The detector contract as checks, for the tests of every plug-in.

    from engine.application.conformance import check_detector

    def test_it_keeps_the_contract():
        check_detector("mine")

No test framework is needed. A detector declares what it cannot do in `Declaration.exceptions`,
under the name of the check.
"""

from engine.application.conformance.suite import CHECKS, CheckResult, check_detector, run_checks

__all__ = ["CHECKS", "CheckResult", "check_detector", "run_checks"]
