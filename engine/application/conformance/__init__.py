"""The detector contract as checks: public, for the tests of every plug-in.

    from engine.application.conformance import check_detector

    def test_it_keeps_the_contract():
        check_detector("mine")

No test framework is needed. What a detector cannot do it says in `Declaration.exceptions`, under
the name of the check.
"""

from engine.application.conformance.suite import CHECKS, Verdict, check_detector, verdicts

__all__ = ["CHECKS", "Verdict", "check_detector", "verdicts"]
