"""What the status of a run says of its health."""

from __future__ import annotations

from engine.application.config.sections import MetricsSpec
from engine.application.control.run_health import health_of
from tests.support.kafka_settings import free_port


def test_pages_that_do_not_answer_are_told_with_what_that_may_mean() -> None:
    found = health_of(MetricsSpec(port=free_port()))

    assert found is not None
    assert (found.ready, found.totals) == (False, {})
    assert "it starts, which takes up to two minutes" in found.reasons[0]
