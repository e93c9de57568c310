from pynomaly.plugins import check_detector


def test_keeps_the_contract_of_a_detector() -> None:
    check_detector("jump")
