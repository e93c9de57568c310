from __future__ import annotations

import pytest
import yaml

from engine.application.config import sections
from tests.unit.application.config.conftest import Problems
from tests.unit.application.config.test_every_field_wrong import COMPLETE


def with_tracing(**fields: object) -> str:
    return yaml.safe_dump(COMPLETE | {"tracing": fields})


@pytest.mark.parametrize(
    "endpoint",
    ["jaeger:4318", "http://jaeger:4318", "http://u:p@jaeger:4318/v1/traces", "ftp://h/x"],
)
def test_an_endpoint_is_a_whole_address_without_a_password(
    problems: Problems, endpoint: str
) -> None:
    (problem,) = problems(with_tracing(endpoint=endpoint))

    assert "tracing.endpoint" in problem
    assert "expected text that matches" in problem


def test_an_endpoint_and_a_sample_have_usual_values(problems: Problems) -> None:
    assert problems(with_tracing()) == []


def test_without_opentelemetry_the_file_is_refused_with_what_to_install(
    problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sections, "EXPORTER", "opentelemetry_that_nobody_installed.exporter")
    (problem,) = problems(with_tracing())

    assert "tracing: " in problem
    assert "pip install 'pynomaly-engine[otel]'" in problem
    assert problems(yaml.safe_dump(COMPLETE | {"tracing": None})) == []
